import { expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { binary } from "../support/binary.ts";
import { sshRun, startEverlock } from "../support/everlock.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { describeWith, must, run } from "../support/tools.ts";

function users(args: readonly string[], stdin = "") {
  return run([binary(), "users", ...args], { stdin, cwd: temporaryDirectory() });
}

describeWith(["ssh", "sshpass", "git"], "everlock users", () => {
  test("creates an administrator while no server runs, in a commit by the system user", async () => {
    const server = await startEverlock();
    const dataDir = ["--data-dir", server.dataDir];
    await server.end();

    expect(await users(["add", "rescue", ...dataDir], "s3cret-one\n")).toEqual({
      code: 0,
      stdout: "user 'rescue' created\n",
      stderr: "",
    });
    expect((await users([...dataDir, "grant", "rescue", "*/*/*", "owner"])).code).toBe(0);
    expect((await users(["disable", "admin", ...dataDir])).code).toBe(0);
    expect(
      (await users(["list", "--json", ...dataDir])).stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toMatchObject([
      { login: "admin", isDisabled: true },
      { login: "anon" },
      { login: "rescue", isDisabled: false },
    ]);
    const log = await must(["git", "-C", `${server.dataDir}/everlock-users`, "log", "-1", "--format=%an %s"]);
    expect(log).toBe("Everlock System disable admin\n");

    const again = await startEverlock({ dataDir: server.dataDir });
    expect((await sshRun(again.sshPort, "rescue", "s3cret-one", "/users enable admin")).code).toBe(0);
  });

  test("runs on the running server, where it is valid at once", async () => {
    const server = await startEverlock();
    const dataDir = ["--data-dir", server.dataDir];
    expect(await users(["add", "rescue", ...dataDir], "s3cret-12\n")).toEqual({
      code: 0,
      stdout: "user 'rescue' created\n",
      stderr: "",
    });
    expect((await users(["rename-display", "rescue", "the 'rescue' user", ...dataDir])).code).toBe(0);
    const listed = await sshRun(server.sshPort, "rescue", "s3cret-12", "/users list --json");
    expect(listed.stdout).toContain('"displayName":"the \'rescue\' user"');
    const again = await users(["add", "rescue", "--json", ...dataDir], "s3cret-12\n");
    expect([again.code, JSON.parse(again.stderr)]).toMatchObject([3, { error: { kind: "unchanged" } }]);
    const log = await must(["git", "-C", `${server.dataDir}/everlock-users`, "log", "--format=%an %s"]);
    expect(log).toContain("Everlock System add user rescue\n");
  });

  test("refuses to create a user who would own a registry of the same name without --yes", async () => {
    const server = await startEverlock();
    const dataDir = ["--data-dir", server.dataDir];
    await server.end();
    const implied = await users(["add", "default", ...dataDir], "s3cret-one\n");
    expect([implied.code, implied.stderr]).toEqual([
      2,
      expect.stringContaining("a registry 'default' exists: the user would own the registry 'default'"),
    ]);
    const again = await startEverlock({ dataDir: server.dataDir });
    await again.console("/oci create team vhost=team.test");
    await again.end();
    expect((await users(["add", "team", ...dataDir], "s3cret-one\n")).code).toBe(2);
    expect(await users(["add", "team", "--yes", ...dataDir], "s3cret-one\n")).toEqual({
      code: 0,
      stdout: "user 'team' created\n",
      stderr: "",
    });
    expect((await users(["grants", "team", ...dataDir])).stdout).toContain("owns:  http/oci/team  owner");
    expect((await users(["add", "system", ...dataDir], "s3cret-one\n")).stderr).toContain(
      "'system' is reserved: commits by such a user",
    );
  });

  test("works when the registries' configuration can't be read", async () => {
    const server = await startEverlock();
    await server.console("/oci set default quota=1GiB");
    await server.end();
    rmSync(`${server.dataDir}/everlock-system/refs/heads/main`);
    const added = await users(["add", "rescue", "--data-dir", server.dataDir], "s3cret-one\n");
    expect([added.code, added.stdout]).toEqual([0, "user 'rescue' created\n"]);
    expect(added.stderr).toContain("the registries can't be read: the store 'everlock-system' is damaged");
  });

  test("has clear errors for wrong usage", async () => {
    const server = await startEverlock();
    await server.end();
    const dataDir = ["--data-dir", server.dataDir];
    expect((await users([])).stderr).toStartWith("everlock: use: everlock users list|add|passwd|");
    const unknown = await users(["ad", ...dataDir]);
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toStartWith(
      "everlock: unknown command 'everlock users ad'; did you mean 'everlock users add'?",
    );
    expect((await users(["grant", "nobody", "*/*/*", "owner", ...dataDir])).stderr).toBe(
      "everlock: no user 'nobody'\n",
    );
    expect((await users(["disable", "admin", ...dataDir])).stderr).toContain("the last one must stay one");
    expect((await users(["passwd", "admin", ...dataDir])).stderr).toContain("the password is missing");
  });
});
