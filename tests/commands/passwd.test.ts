import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { binary } from "../support/binary.ts";
import { sshRun, startEverlock } from "../support/everlock.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { run } from "../support/tools.ts";

function passwd(args: readonly string[], stdin = "") {
  return run([binary(), "passwd", ...args], { stdin, cwd: temporaryDirectory() });
}

test("everlock passwd sets a password that is valid at once while the server runs", async () => {
  const server = await startEverlock();
  const set = await passwd(["admin", "--data-dir", server.dataDir], "another-secret\n");
  expect(set).toEqual({ code: 0, stdout: "password updated for 'admin'\n", stderr: "" });
  expect((await sshRun(server.sshPort, "admin", "another-secret", "/users list")).code).toBe(0);
  expect(server.log()).toMatch(
    /audit: \{"user":"system","remote":"this machine \(uid \d+.*\)","command":"\/users passwd admin","outcome":"done"\}/,
  );
  const unknown = await passwd(["nobody", "--data-dir", server.dataDir], "another-secret\n");
  expect([unknown.code, unknown.stderr]).toEqual([5, "everlock: no user 'nobody'\n"]);
});

test("everlock passwd sets a password while no server runs", async () => {
  const first = await startEverlock();
  await first.end("SIGTERM");

  const set = await passwd(["admin", "--data-dir", first.dataDir], "new-secret\n");
  expect(set).toEqual({ code: 0, stdout: "password updated for 'admin'\n", stderr: "" });
  const short = await passwd(["admin", "--data-dir", first.dataDir], "short\n");
  expect([short.code, short.stderr]).toEqual([
    2,
    "everlock: the password has 5 characters, and must have 8 or more\n",
  ]);
  const second = await startEverlock({ dataDir: first.dataDir });
  expect((await sshRun(second.sshPort, "admin", "new-secret", "/users list")).code).toBe(0);
  await second.end("SIGTERM");
  // An administrator who exists already keeps a password of any length.
  const shorter = ["admin", "--data-dir", first.dataDir, "--password-min-length", "5"];
  expect((await passwd(shorter, "short\n")).code).toBe(0);
  const third = await startEverlock({ dataDir: first.dataDir, args: ["--admin-password", "short"] });
  expect((await sshRun(third.sshPort, "admin", "short", "/users list")).code).toBe(0);
});

test("everlock passwd has clear errors for wrong usage and changes nothing", async () => {
  const missing = `${temporaryDirectory()}/data`;
  const nowhere = await passwd(["admin", "--data-dir", missing], "x\n");
  expect(nowhere.code).toBe(2);
  expect(nowhere.stderr).toStartWith(`everlock: there is no data directory ${missing}`);
  expect(existsSync(missing)).toBe(false);
  expect((await passwd([])).stderr).toBe(
    "everlock: use: everlock passwd <login> [--data-dir <dir> | --storage s3://<bucket>/<prefix>]\n",
  );

  const server = await startEverlock();
  await server.end("SIGTERM");
  const unknown = await passwd(["nobody", "--data-dir", server.dataDir], "x\n");
  expect([unknown.code, unknown.stderr]).toEqual([5, "everlock: no user 'nobody'\n"]);
  const empty = await passwd(["admin", "--data-dir", server.dataDir]);
  expect(empty.code).toBe(2);
  expect(empty.stderr).toStartWith("everlock: the password is missing");
});
