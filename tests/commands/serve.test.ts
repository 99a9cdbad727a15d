import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { binary } from "../support/binary.ts";
import { afterThisTest } from "../support/cleanup.ts";
import { startEverlock } from "../support/everlock.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { run } from "../support/tools.ts";

const ANY_PORTS = ["--frontend-http-listen-http", "127.0.0.1:0", "--frontend-ssh-listen", "127.0.0.1:0"];

function serve(args: readonly string[], cwd = temporaryDirectory(), env: Record<string, string> = {}) {
  return run([binary(), "serve", ...args], { cwd, env });
}

describe("a failed start", () => {
  test.each([
    [["--bogus"], "unknown flag --bogus; the flag --help lists the flags"],
    [["--bogus=1"], "unknown flag --bogus; the flag --help lists the flags"],
    [["now"], "unexpected argument 'now'; the flag --help lists the flags"],
    [["--data-dir"], "--data-dir needs a value: --data-dir <dir>"],
    [["--data-dir="], "--data-dir must not be empty"],
    [["--frontend-http=perhaps"], "--frontend-http must be true or false, not 'perhaps'"],
    [
      ["--frontend-http-listen-http", "127.0.0.1:80999"],
      "--frontend-http-listen-http must be an address such as 127.0.0.1:8080, not '127.0.0.1:80999'",
    ],
    [
      ["--backend-oci-http-vhost", "http://x"],
      "--backend-oci-http-vhost must be a host name without port, a wildcard such as *.example.org, or *, not 'http://x'",
    ],
    [
      ["--backend-oci-http-store", "../x"],
      "--backend-oci-http-store must be a lower-case name such as everlock-oci-local, not '../x'",
    ],
    [["--admin-user", "anon"], "--admin-user must be a login such as admin, not 'anon'"],
    [
      ["--admin-user", "Admin"],
      "--admin-user must be a login such as admin, not 'Admin'; upper case is not allowed; use 'admin'",
    ],
    [["--password-min-length", "0"], "--password-min-length must be a number from 1 to 128, not '0'"],
    [["--admin-password", ""], "--admin-password: the password is empty"],
    [["--config", "missing.toml"], "can't read the configuration file missing.toml"],
  ])("with %p says so in one line and exits with 2", async (args, message) => {
    const cwd = temporaryDirectory();
    const { code, stdout, stderr } = await serve(args, cwd);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toStartWith(`everlock: ${message}`);
    expect(stderr.trimEnd()).not.toContain("\n");
    expect(existsSync(`${cwd}/data`)).toBe(false);
  });

  test.each([
    ["frontend-http-listen-http", "HTTP"],
    ["frontend-ssh-listen", "SSH"],
  ])("on a port in use of --%s says so and exits with 1", async (setting, what) => {
    using other = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const address = `127.0.0.1:${other.port}`;
    const { code, stdout, stderr } = await serve([...ANY_PORTS, `--${setting}`, address]);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toBe(
      `everlock: can't listen on ${address} for ${what}: the port is in use by another program; --${setting} chooses another\n`,
    );
  });

  test("with a data directory that is a file or can't be created has a clear error and exits with 1", async () => {
    const cwd = temporaryDirectory();
    writeFileSync(`${cwd}/file`, "");
    for (const dir of [`${cwd}/file`, `${cwd}/file/below`, "/proc/everlock"]) {
      const { code, stdout, stderr } = await serve([...ANY_PORTS, "--data-dir", dir]);
      expect([code, stdout]).toEqual([1, ""]);
      expect(stderr).toStartWith(`everlock: can't use the data directory ${dir}: `);
    }
  });

  test("with a data directory in use names the other server's process", async () => {
    const server = await startEverlock();
    const { code, stderr } = await serve([...ANY_PORTS, "--data-dir", server.dataDir]);
    expect([code, stderr]).toEqual([
      1,
      `everlock: the data directory ${server.dataDir} is in use by another server (process ${server.pid})\n`,
    ]);
  });
});

describe("a start", () => {
  test("ignores .env and bunfig.toml in the current directory", async () => {
    const cwd = temporaryDirectory();
    writeFileSync(`${cwd}/.env`, "EVERLOCK_DATA_DIR=elsewhere\nEVERLOCK_FRONTEND_HTTP=nonsense\n");
    writeFileSync(`${cwd}/preload.ts`, "throw new Error('preloaded')");
    writeFileSync(`${cwd}/bunfig.toml`, 'preload = ["./preload.ts"]\n');
    mkdirSync(`${cwd}/data`);
    writeFileSync(`${cwd}/data/everlock-users`, "in the way");
    const { code, stderr } = await serve(ANY_PORTS, cwd);
    expect(code).toBe(1);
    expect(stderr).not.toMatch(/elsewhere|nonsense|preloaded/);
  });

  test("makes the data directory and its secrets accessible only to its user", async () => {
    const { dataDir } = await startEverlock();
    const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);
    expect(modeOf(dataDir)).toBe("700");
    for (const name of ["ssh_host_ed25519_key", "token_key", "everlock.sock", "everlock.pid"])
      expect([name, modeOf(`${dataDir}/${name}`)]).toEqual([name, "600"]);
  });

  test("refuses an empty token key", async () => {
    const cwd = temporaryDirectory();
    mkdirSync(`${cwd}/data`);
    writeFileSync(`${cwd}/data/token_key`, "");
    const { code, stdout, stderr } = await serve(ANY_PORTS, cwd);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toEndWith(
      `everlock: the token key ${cwd}/data/token_key is not 32 bytes long; remove it and the server generates a new one\n`,
    );
  });

  test("keeps a password that was changed since the first start", async () => {
    const first = await startEverlock();
    expect((await first.console("/users passwd admin changed-since")).code).toBe(0);
    await first.end("SIGTERM");
    const second = await startEverlock({ dataDir: first.dataDir });
    const { code, stderr } = await second.console("/users list");
    expect([code, stderr]).toEqual([5, ""]);
  });
});

test("a server whose standard output was closed goes on, and stops without an error", async () => {
  const dataDir = `${temporaryDirectory()}/data`;
  const flags = ["--frontend-http-listen-http 127.0.0.1:0", "--frontend-ssh-listen 127.0.0.1:0"].join(" ");
  // 'head' ends after the first line; the server then writes to a pipe that nobody reads.
  const script = `exec "$0" serve --data-dir "$1" ${flags} > >(head -1 >&2)`;
  const child = Bun.spawn(["bash", "-c", script, binary(), dataDir], {
    env: process.env,
    stderr: "pipe",
    stdout: "ignore",
  });
  afterThisTest(() => child.kill("SIGKILL"));
  let stderr = "";
  for await (const chunk of child.stderr) {
    stderr += new TextDecoder().decode(chunk);
    if (stderr.includes("Everlock is running")) child.kill("SIGTERM");
  }
  expect([await child.exited, stderr]).toEqual([0, "Everlock is running\n"]);
});

test("the executable reads a request head of up to 32 KiB, and refuses a larger one", async () => {
  const { httpPort } = await startEverlock();
  const statusOf = async (bytes: number) =>
    (await fetch(`http://localhost:${httpPort}/v2/`, { headers: { "X-Long": "x".repeat(bytes) } })).status;
  expect(await statusOf(30_000)).toBe(401);
  expect(await statusOf(34_000)).toBe(431);
});
