import { expect, test } from "bun:test";
import { createServer } from "node:net";
import {
  runRemoteJob,
  runRemoteLine,
  withRemoteHold,
} from "../../../src/frontends/control/control-client.ts";
import { controlSocketPath } from "../../../src/frontends/control/control-messages.ts";
import { ControlSocket } from "../../../src/frontends/control/control-socket.ts";
import { Semaphore } from "../../../src/primitives/bounds/semaphore.ts";
import { JobRunner } from "../../../src/primitives/jobs/job-runner.ts";
import type { StoreName } from "../../../src/primitives/store/store-manager.ts";
import { afterThisTest } from "../../support/cleanup.ts";
import { eventually } from "../../support/eventually.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const HELD = {
  openStores: ["everlock-users" as StoreName, "everlock-oci-mirror" as StoreName],
  sparseStores: ["everlock-oci-mirror" as StoreName],
};

/** A socket whose holds take turns, as those of a server do. */
function controlSocket() {
  const errors: string[] = [];
  const log = {
    info: () => undefined,
    warn: () => undefined,
    error: (message: string, cause: unknown) => void errors.push(`${message}: ${cause}`),
  };
  const turns = new Semaphore(1, 10);
  const jobs = new JobRunner([], log);
  let [asked, held] = [0, 0];
  const dataDir = temporaryDirectory();
  const socket = new ControlSocket(
    dataDir,
    {
      jobs,
      async hold(work, signal) {
        asked++;
        await turns.run(async () => {
          held++;
          await work().finally(() => held--);
        }, signal);
      },
      heldStores: () => HELD,
      console: { run: async () => ({ kind: "done" }) },
      imports: {
        openTarget: () => {
          throw new Error("nothing is imported here");
        },
        importUsers: async () => ({ added: [], kept: [], untaken: [] }),
      },
    },
    log,
  );
  afterThisTest(() => socket.stop());
  return { dataDir, errors, asked: () => asked, held: () => held };
}

function askForHold(dataDir: string) {
  const abort = new AbortController();
  const response = fetch("http://localhost/hold", {
    method: "POST",
    unix: controlSocketPath(dataDir),
    signal: abort.signal,
  });
  return { response, leave: () => abort.abort() };
}

test("a hold names the held stores and those that may lack content, and ends with its work", async () => {
  const { dataDir, held } = controlSocket();
  const done = await withRemoteHold(dataDir, async ({ openStores, sparseStores }) => [
    { openStores, sparseStores },
    held(),
  ]);
  expect(done).toEqual({ result: [HELD, 1] });
  expect(await eventually(() => held() === 0)).toBe(true);
});

test("a client that disconnects while it waits for its hold blocks no other", async () => {
  const { dataDir, errors, asked, held } = controlSocket();
  const first = Promise.withResolvers<void>();
  const holding = withRemoteHold(dataDir, () => first.promise);
  expect(await eventually(() => held() === 1)).toBe(true);
  const second = askForHold(dataDir);
  second.response.catch(() => undefined);
  expect(await eventually(() => asked() === 2)).toBe(true);
  second.leave();
  const third = withRemoteHold(dataDir, async () => "held");
  expect(await eventually(() => asked() === 3)).toBe(true);
  first.resolve();
  await holding;
  expect(await third).toEqual({ result: "held" });
  expect(await eventually(() => held() === 0)).toBe(true);
  expect(errors).toEqual([]);
});

test("a hold ends when its client disconnects", async () => {
  const { dataDir, held } = controlSocket();
  const { response, leave } = askForHold(dataDir);
  expect((await response).status).toBe(200);
  expect(await eventually(() => held() === 1)).toBe(true);
  leave();
  expect(await eventually(() => held() === 0)).toBe(true);
});

test("a request with an invalid Host header gets a response that reveals nothing about the server", async () => {
  const { dataDir, errors } = controlSocket();
  for (const path of ["/hold2", "/jobs/none"]) {
    const reply = Promise.withResolvers<string>();
    const socket = await Bun.connect({
      unix: controlSocketPath(dataDir),
      socket: { data: (_, bytes) => reply.resolve(String(bytes)), close: () => reply.resolve("closed") },
    });
    socket.write(`POST ${path} HTTP/1.1\r\nHost: a/b@c:99x\r\nContent-Length: 0\r\n\r\n`);
    expect(await reply.promise).not.toMatch(/\.ts|<html|node_modules|at /);
    socket.end();
  }
  expect(errors).toEqual([]);
});

test.each([
  ["before it has answered", ""],
  ["in its answer", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"],
])("a command whose server is killed %s says so", async (_when, answer) => {
  const dataDir = temporaryDirectory();
  const server = createServer((socket) =>
    socket.once("data", () => socket.end(answer, () => socket.destroy())),
  );
  await new Promise<void>((resolve) => server.listen(controlSocketPath(dataDir), resolve));
  afterThisTest(() => void server.close());
  const message = "the server stopped in the meantime";
  await expect(runRemoteJob(dataDir, "gc", false, () => undefined)).rejects.toThrow(message);
  await expect(withRemoteHold(dataDir, async () => Bun.sleep(5000))).rejects.toThrow(message);
});

test("a request for the console that is no line is refused, and one that is too long is not read", async () => {
  const { dataDir } = controlSocket();
  const post = (body: string) =>
    fetch("http://localhost/console", { method: "POST", unix: controlSocketPath(dataDir), body });
  expect((await post("x")).status).toBe(400);
  expect((await post(JSON.stringify({ line: 1, by: "uid 0" }))).status).toBe(400);
  expect((await post("x".repeat(4 * 1024 * 1024))).status).toBe(413);
});

test("a line for a server that knows no lines fails with the reason; without a server there is none", async () => {
  const line = { line: "/users list", by: "uid 0" };
  const dataDir = temporaryDirectory();
  const print = () => undefined;
  expect(await runRemoteLine(dataDir, line, print)).toBeUndefined();
  const old = Bun.serve({
    unix: controlSocketPath(dataDir),
    fetch: () => new Response(null, { status: 404 }),
  });
  afterThisTest(() => old.stop(true));
  await expect(runRemoteLine(dataDir, line, print)).rejects.toThrow(
    "the running server is of another version",
  );
});
