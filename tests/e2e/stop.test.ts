import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { binary } from "../support/binary.ts";
import { afterThisTest } from "../support/cleanup.ts";
import { eventually } from "../support/eventually.ts";
import { addAlice, type Everlock, startEverlock } from "../support/everlock.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { STARTED } from "../support/started.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { describeWith } from "../support/tools.ts";
import { unfinishedUpload } from "../support/unfinished-upload.ts";

// Each starts a server, all of them at the same time.
setDefaultTimeout(60_000);

/** An upload whose body goes on until the test ends it. */
async function slowUpload(server: Everlock) {
  const client = new RegistryClient(server.httpPort, "app");
  const { response, finish } = await unfinishedUpload(client, 100_000);
  const outcome = response.then(
    ({ status }) => status,
    () => "broken off",
  );
  return { finish: () => finish(), outcome };
}

/** Whether the server takes no new connections any more. */
const isClosed = ({ httpPort }: Everlock) =>
  fetch(`http://127.0.0.1:${httpPort}/v2/`, { keepalive: false }).then(
    () => false,
    () => true,
  );

describeWith(["ssh", "sshpass"], "a stop", () => {
  test.concurrent("waits for a running request to finish", async () => {
    const server = await startEverlock();
    await addAlice(server);
    const upload = await slowUpload(server);
    const ended = server.end("SIGTERM");
    expect(await eventually(() => isClosed(server))).toBe(true);
    upload.finish();
    expect(await upload.outcome).toBe(202);
    expect(await ended).toBe(0);
  });

  test.concurrent("waits for a running request no longer than --stop-timeout", async () => {
    const server = await startEverlock({ args: ["--stop-timeout", "1s"] });
    await addAlice(server);
    const upload = await slowUpload(server);
    expect(await server.end("SIGTERM")).toBe(0);
    expect(await upload.outcome).toBe("broken off");
  });
});

describe("a stop during the start", () => {
  /** Files in the order in which a start makes them. */
  const MOMENTS = [
    "everlock.pid",
    "everlock-users/HEAD",
    "everlock-oci-local/index.sqlite",
    "token_key",
    "everlock.sock",
    "ssh_host_ed25519_key",
  ];
  test.concurrent.each(
    MOMENTS.flatMap((file) => (["SIGTERM", "SIGINT"] as const).map((signal) => [signal, file] as const)),
  )("by %s once there is %s ends cleanly, and the next start goes on", async (signal, file) => {
    const dataDir = `${temporaryDirectory()}/data`;
    const serve = () =>
      Bun.spawn(
        [
          ...[binary(), "serve", "--data-dir", dataDir, "--frontend-http-listen-http", "127.0.0.1:0"],
          ...["--frontend-ssh-listen", "127.0.0.1:0", "--frontend-ops-listen", "127.0.0.1:0"],
        ],
        { stdout: "pipe", stderr: "pipe", cwd: temporaryDirectory() },
      );
    const first = serve();
    expect(await eventually(() => existsSync(`${dataDir}/${file}`))).toBe(true);
    first.kill(signal);
    expect([await first.exited, await new Response(first.stdout).text()]).toEqual([
      0,
      expect.stringMatching(/Stopped\n$/),
    ]);
    expect(await new Response(first.stderr).text()).not.toContain(" error ");
    const second = serve();
    let text = "";
    for await (const chunk of second.stdout) {
      text += new TextDecoder().decode(chunk);
      if (STARTED.test(text)) break;
    }
    second.kill("SIGTERM");
    expect(await second.exited).toBe(0);
  });
});

describeWith(["strace", "ssh", "sshpass"], "a stop on a disk that hangs", () => {
  test.concurrent("kills the process after its deadline, and the log names what was still running", async () => {
    const server = await startEverlock({ args: ["--stop-timeout", "1s"] });
    await addAlice(server);
    await new RegistryClient(server.httpPort, "app").pushImage("v1");
    const tracer = Bun.spawn(
      [
        ...["strace", "-f", "-qq", "-o", "/dev/null", "-p", String(server.pid)],
        ...["-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:delay_enter=600000000"],
      ],
      { stderr: "ignore" },
    );
    afterThisTest(() => tracer.kill("SIGKILL"));
    const isTraced = () => !readFileSync(`/proc/${server.pid}/status`, "utf8").includes("TracerPid:\t0\n");
    expect(await eventually(isTraced)).toBe(true);
    // The main thread closes its databases, which sync.
    const ended = server.end("SIGTERM");
    const isKilled = () => /warn +the server hangs and is killed; still under way: .*\n/.test(server.log());
    // Seven seconds on a machine that has nothing else to do.
    expect(await eventually(isKilled, 30_000)).toBe(true);
    // Until then the tracer keeps what is left of the process.
    tracer.kill("SIGKILL");
    expect(await ended).toBe(128 + 9);
  });
});
