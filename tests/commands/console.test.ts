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
  expect((await everlock(["/oci list --json", ...dataDir])).stdout).toStartWith('{"name":"default",');
  const flagged = [
    ["/oci delete team", "--yes", "--json"],
    ["/oci delete team --json", "--if-exists"],
  ];
  for (const [i, args] of flagged.entries()) {
    const { code, stdout } = await everlock([...args, ...dataDir]);
    expect([code, JSON.parse(stdout)]).toMatchObject([0, { changed: i === 0 }]);
  }
  const inLine = await everlock(["/oci delete nowhere --json", ...dataDir]);
  expect(JSON.parse(inLine.stderr)).toMatchObject({ error: { kind: "not-found" } });
  await server.end("SIGTERM");
  const stopped = await everlock(["/oci", "list", ...dataDir]);
  expect([stopped.code, stopped.stderr]).toEqual([1, expect.stringContaining("no server uses the data")]);
});

test("everlock console sends a document from standard input, and reads no more than the server accepts", async () => {
  const server = await startEverlock();
  const dataDir = ["--data-dir", server.dataDir];
  const document = '[[group]]\nname = "developers"\n';
  const applied = await everlock(["/apply", "--yes", "--json", ...dataDir], document);
  expect([applied.code, JSON.parse(applied.stdout)]).toMatchObject([
    0,
    { changed: true, changes: [{ kind: "group", name: "developers", action: "create" }] },
  ]);
  expect((await everlock(["/apply", "--yes", ...dataDir], document)).stdout).toContain("nothing differs");
  const long = await everlock(["/apply", ...dataDir], "#".repeat(1024 * 1024 + 1));
  expect([long.code, long.stderr]).toEqual([2, "everlock: the document is longer than 1048576 bytes\n"]);
  const log = await run(["git", "-C", `${server.dataDir}/everlock-users`, "log", "-1", "--format=%an %s"]);
  expect(log.stdout).toBe("Everlock System apply a document\n");
});

test("everlock console has clear errors for wrong usage", async () => {
  expect(await everlock([])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("use: everlock console"),
  });
});
