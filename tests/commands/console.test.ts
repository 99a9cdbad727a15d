import { expect, test } from "bun:test";
import { binary } from "../support/binary.ts";
import { startEverlock } from "../support/everlock.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { run } from "../support/tools.ts";

const everlock = (args: readonly string[], stdin = "") =>
  run([binary(), "console", ...args], { stdin, cwd: temporaryDirectory() });

test("everlock console runs any command on the running server, with its exit code", async () => {
  const server = await startEverlock();
  const dataDir = ["--data-dir", server.dataDir];
  expect(await everlock(["/oci", "create", "team", "vhost=team.test", ...dataDir])).toEqual({
    code: 0,
    stdout: "registry 'team' created at team.test, store 'everlock-oci-team'\n",
    stderr: "",
  });
  expect(await everlock(["/oci create team vhost=team.test", ...dataDir])).toEqual({
    code: 3,
    stdout: "",
    stderr: "everlock: a registry 'team' exists already\n",
  });
  expect((await everlock(["/oci", "delete", "nowhere", ...dataDir])).code).toBe(5);
  expect((await everlock(["/nothing", ...dataDir])).code).toBe(2);
  const failed = await everlock(["/oci", "delete", "nowhere", "--json", ...dataDir]);
  expect(JSON.parse(failed.stderr)).toEqual({
    error: { kind: "not-found", message: "no registry 'nowhere'" },
  });
  await server.end("SIGTERM");
  const stopped = await everlock(["/oci", "list", ...dataDir]);
  expect([stopped.code, stopped.stderr]).toEqual([1, expect.stringContaining("no server uses the data")]);
});

test("everlock console has clear errors for wrong usage", async () => {
  expect(await everlock([])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("use: everlock console"),
  });
});
