import { expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { eventually } from "../support/eventually.ts";
import { addAlice, type Everlock, sshRun, startEverlock } from "../support/everlock.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { describeWith, must } from "../support/tools.ts";

async function console(server: Everlock, command: string): Promise<string> {
  const { code, stdout, stderr } = await server.console(command);
  if (code !== 0) throw new Error(`${command}: ${stderr}`);
  return stdout;
}

/** Alice and bob own the registry; alice has pushed `app:prod`, then bob, then alice has deleted it. */
async function startWithHistory() {
  const server = await startEverlock();
  await addAlice(server, "owner");
  await console(server, "/users add bob change-me");
  await console(server, "/users grant bob http/oci/default owner");
  const [alice, bob] = ["alice", "bob"].map(
    (user) => new RegistryClient(server.httpPort, "app", `${user}:change-me`),
  ) as [RegistryClient, RegistryClient];
  const first = (await alice.pushImage("prod")).digest;
  const second = (await bob.pushImage("prod")).digest;
  expect((await alice.fetch("manifests/prod", { method: "DELETE" })).status).toBe(202);
  const git = async (...args: string[]) =>
    must(["git", "-C", await server.repository("everlock-oci-local"), ...args]);
  const commits = (await git("log", "--format=%H")).trim().split("\n");
  return { server, alice, bob, first, second, git, commits };
}

const short = (digest: string) => digest.slice(0, "sha256:".length + 12);

describeWith(["git", "ssh", "sshpass"], "the history on the console", () => {
  test("shows who pushed and deleted each tag, and restores a tag in one commit", async () => {
    const { server, alice, first, second, git, commits } = await startWithHistory();
    const rows = (await console(server, "/oci log default app:prod")).trimEnd().split("\n");
    expect(rows.map((row) => row.trim().split(/ {2,}/).slice(1, 5))).toEqual([
      ["user", "what", "digest", "before"],
      ["alice", "delete app:prod", short(second), "-"],
      ["bob", "push app:prod", short(second), short(first)],
      ["alice", "push app:prod", short(first), "-"],
    ]);
    expect(await console(server, "/oci log default user=bob")).not.toContain("alice");
    expect((await console(server, "/oci log default limit=1")).trimEnd().split("\n")).toHaveLength(2);

    const [, pushedByBob = "", pushedByAlice = ""] = commits;
    expect(await server.console(`/oci restore default app:prod ${pushedByBob}`)).toMatchObject({
      code: 2,
      stderr: "error: can't ask for confirmation without a terminal; add --yes to confirm\n",
    });
    expect(await console(server, `/oci restore default app:prod ${pushedByBob.slice(0, 10)} --yes`)).toBe(
      `  restore 'app:prod' as at ${pushedByBob.slice(0, 12)}:\n    prod set to ${short(second)}\n`,
    );
    expect(await alice.verifyImage("prod")).toBe(second);
    await console(server, `/oci restore default app:prod ${pushedByAlice} --yes`);
    expect(await alice.verifyImage("prod")).toBe(first);
    expect(await console(server, `/oci restore default app:prod ${pushedByAlice} --yes`)).toContain(
      "already has the state at",
    );
    expect((await git("log", "--format=%an %s", "-2")).trim().split("\n")).toEqual([
      "admin restore app:prod",
      "admin restore app:prod",
    ]);
    expect(await git("log", "--format=%(trailers:key=Restores,valueonly)", "-1")).toContain(pushedByAlice);
    expect(await git("fsck", "--strict")).toBe("");
  }, 60_000);

  test("restores deleted manifests, and asks for confirmation at a terminal", async () => {
    const { server, alice, first, commits } = await startWithHistory();
    expect((await alice.fetch(`manifests/${first}`, { method: "DELETE" })).status).toBe(202);
    // Other nodes may send content that a digest names for about a second.
    expect(await eventually(async () => (await alice.fetch(`manifests/${first}`)).status === 404)).toBe(true);
    const restore = `/oci restore default app:prod ${commits[2]}`;
    const answer = async (keys: string) =>
      (
        await sshRun(server.sshPort, "admin", "change-me", undefined, `${restore}\r${keys}\r\x04`, {
          terminal: true,
        })
      ).stdout;
    expect(await answer("n")).toContain("nothing was changed");
    expect((await alice.fetch("manifests/prod")).status).toBe(404);
    expect(await answer("y")).toContain(`prod set to ${short(first)}`);
    expect(await alice.verifyImage("prod")).toBe(first);
  }, 60_000);

  test("shows the changes of a commit and since a commit, and restores a whole repository", async () => {
    const { server, alice, bob, first, second, git, commits } = await startWithHistory();
    const rows = async (command: string) =>
      (await console(server, command))
        .trimEnd()
        .split("\n")
        .map((row) => row.trim().split(/ {2,}/));
    const [, pushedByBob = "", pushedByAlice = ""] = commits;
    expect((await rows(`/oci show default ${pushedByBob}`)).slice(-3)).toEqual([
      ["change", "what", "before", "after"],
      ["added", `app@${short(second)}`],
      ["moved", "app:prod", short(first), short(second)],
    ]);
    const { digest: added } = await bob.pushImage("added");
    expect((await rows(`/oci diff default ${pushedByAlice}`)).sort()).toEqual(
      [
        ["change", "what", "before", "after"],
        ["added", `app@${short(second)}`],
        ["added", `app@${short(added)}`],
        ["added", "app:added", "-", short(added)],
        ["removed", "app:prod", short(first), "-"],
      ].sort(),
    );
    expect(await console(server, `/oci restore default app ${pushedByAlice} --yes`)).toBe(
      `  restore 'app' as at ${pushedByAlice.slice(0, 12)}:\n` +
        `    delete added, which was ${short(added)}\n    prod set to ${short(first)}\n`,
    );
    expect(await alice.verifyImage("prod")).toBe(first);
    expect(await (await alice.fetch("tags/list")).json()).toEqual({ name: "app", tags: ["prod"] });
    expect((await git("log", "--format=%s", "-1")).trim()).toBe("restore app");
  }, 60_000);

  test("requires read access to see a repository and push access to restore it", async () => {
    const { server, commits } = await startWithHistory();
    await console(server, "/users add carol change-me");
    const carol = (command: string) => sshRun(server.sshPort, "carol", "change-me", command);
    expect((await carol("/oci log default")).stdout).toBe("  no matching events\n");
    expect((await carol("/oci ls default")).stdout).toBe("  no repositories\n");
    expect((await carol("/oci ls default app")).stderr).toContain("no repository 'app'");
    expect((await carol(`/oci restore default app:prod ${commits[1]} --yes`)).stderr).toContain(
      "restoring requires push access",
    );
    await console(server, "/users grant carol http/oci/default/app reader");
    expect((await carol("/oci log default")).stdout).toContain("push app:prod");
    expect((await carol(`/oci restore default app:prod ${commits[1]} --yes`)).code).toBe(4);
  }, 60_000);

  test("lists repositories and tags with size, platform and who pushed last", async () => {
    const { server, bob } = await startWithHistory();
    const { digest } = await bob.pushImage("v2", 100_000);
    expect(await console(server, "/oci ls default")).toBe("  repository  tags\n  app         1\n");
    const [, row = ""] = (await console(server, "/oci ls default app")).trimEnd().split("\n");
    expect(row.trim().split(/ {2,}/)).toEqual([
      "v2",
      short(digest),
      "97.7 KiB",
      "linux/amd64",
      expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/),
      "bob",
      "-",
    ]);
  }, 60_000);

  test("refuses wrong arguments with an error that names the right ones", async () => {
    const wrong = [
      ["/oci log nowhere", 5, "no registry 'nowhere'"],
      ["/oci log default App", 2, "is not a repository or tag"],
      ["/oci log default limit=0", 2, "limit must be a number from 1 to 1000"],
      ["/oci log default since=soon", 2, "'soon' is not a time; use 2h, 3d"],
      ["/oci restore default app:prod never", 2, "'never' is no point in time; use 2h"],
      ["/oci restore default app:prod 0123456789", 5, "no commit matches '0123456789'"],
      ["/oci restore default app:prod 2020-01-01", 5, "there was no tag 'app:prod' before the first commit"],
      ["/oci restore default app:prod 2h --no", 2, "'--no' is not --yes"],
    ] as const;
    const server = await startEverlock();
    for (const [command, exitCode, message] of wrong) {
      const { code, stderr } = await server.console(command);
      expect([command, code, stderr]).toEqual([command, exitCode, expect.stringContaining(message)]);
    }
  });

  test("restores all repositories in one commit", async () => {
    const { server, alice, bob, second, git } = await startWithHistory();
    const other = new RegistryClient(server.httpPort, "team/other", "alice:change-me");
    const [kept, moved] = [await other.pushImage("kept"), await other.pushImage("moved")];
    const moment = (await git("log", "-1", "--format=%H")).trim();
    expect(await console(server, `/oci restore default --all ${moment} --yes`)).toContain("already");
    await other.pushImage("moved");
    await other.pushImage("new");
    await bob.pushImage("prod");
    expect(await console(server, `/oci restore default --all ${moment} --yes`)).toContain(
      "team/other:moved from",
    );
    expect(await other.verifyImage("kept")).toBe(kept.digest);
    expect(await other.verifyImage("moved")).toBe(moved.digest);
    for (const [client, tag] of [
      [other, "new"],
      [alice, "prod"],
    ] as const)
      expect((await client.fetch(`manifests/${tag}`)).status).toBe(404);
    expect(await git("log", "-1", "--format=%an %s")).toBe("admin restore all repositories\n");
    expect(second).toStartWith("sha256:");
    const refused = await sshRun(
      server.sshPort,
      "alice",
      "change-me",
      `/oci restore default --all ${moment} --yes`,
    );
    expect(refused.stderr).toContain("requires a system administrator");
  }, 60_000);

  test("can be read by scripts", async () => {
    const { server, first, second, commits } = await startWithHistory();
    const records = async (command: string) =>
      (await console(server, `${command} --json`))
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line));
    expect(await records("/oci log default app:prod")).toMatchObject([
      { user: "alice", subject: "delete app:prod", digest: second, commitId: commits[0] },
      { user: "bob", digest: second, tags: [{ tag: "prod", previous: first }] },
      { user: "alice", digest: first },
    ]);
    expect(await records(`/oci show default ${commits[1]}`)).toMatchObject([
      { commit: commits[1], user: "bob" },
      { kind: "manifest", digest: second, isThere: true },
      { kind: "tag", tag: "prod", before: first, after: second },
    ]);
    expect(await records("/oci ls default")).toEqual([{ repository: "app", tags: 0 }]);
    expect(await records("/users grants alice")).toEqual([
      { login: "alice", path: "http/oci/default", role: "owner" },
    ]);
    expect(await records("/oci set default retention=30d")).toEqual([
      {
        message: "registry 'default' set: retention=30d",
        changed: true,
        name: "default",
        retention: 2_592_000,
      },
    ]);
    expect(await records("/oci list")).toMatchObject([{ name: "default", retention: 2_592_000 }]);
    const [total, today] = await records("/oci stat default");
    expect(total).toMatchObject({ repositories: 1, tags: 0, manifests: 2, blobs: 4 });
    expect(today).toMatchObject({ day: new Date().toISOString().slice(0, 10), commits: 3 });
    expect(today.addedBytes).toBe(total.storedBytes);
    expect((await records("/jobs list")).map(({ name }) => name)).toEqual(["gc", "scrub", "sync"]);
  }, 60_000);

  test("is rebuilt when its index is lost and when stock git has rewritten the branch", async () => {
    const { server, git, commits } = await startWithHistory();
    const log = () => console(server, "/oci log default --json");
    const before = await log();
    await git("reset", "-q", "--soft", commits[1] ?? "").catch(() =>
      git("update-ref", "refs/heads/main", commits[1] ?? ""),
    );
    await server.end();
    const again = await startEverlock({ dataDir: server.dataDir });
    expect(await console(again, "/oci log default --json")).toBe(before.split("\n").slice(1).join("\n"));
    await again.end();
    for (const suffix of ["", "-wal", "-shm"])
      rmSync(`${server.dataDir}/everlock-oci-local/history.sqlite${suffix}`, { force: true });
    const third = await startEverlock({ dataDir: server.dataDir });
    expect(await console(third, "/oci log default --json")).toBe(before.split("\n").slice(1).join("\n"));
  }, 60_000);
});
