import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { digestHex } from "../../src/primitives/digest.ts";
import { binary } from "../support/binary.ts";
import { addAlice, startEverlock } from "../support/everlock.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { NODE_ENV, nodeArgs, startNode } from "../support/s3-cluster.ts";
import { openNodeLog } from "../support/s3-commits.ts";
import { bucketAt, sharedS3Server } from "../support/s3-server.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { describeWith, must, run } from "../support/tools.ts";

const STORE = "everlock-oci-local";
const everlock = (...args: readonly string[]) =>
  run([binary(), "export", ...args], { cwd: temporaryDirectory(), env: NODE_ENV });
const newDirectory = () => `${temporaryDirectory()}/exported`;

/** What stock git says of a repository. Throws if it is not sound. */
async function readByGit(dir: string) {
  const git = (...args: string[]) => must(["git", "-C", dir, ...args]);
  expect(await git("fsck", "--strict", "--full")).toBe("");
  return {
    ids: (await git("log", "--format=%H", "main")).trim().split("\n"),
    files: (await git("ls-tree", "-r", "--name-only", "main")).trim().split("\n"),
    git,
  };
}

describeWith(["ssh", "sshpass", "git"], "everlock export of a data directory", () => {
  test("writes what the repository in it has, beside a running server and without one", async () => {
    const server = await startEverlock();
    await addAlice(server);
    const client = new RegistryClient(server.httpPort, "app");
    await client.pushImage("v1");
    const [beside, alone] = [newDirectory(), newDirectory()];
    const first = await everlock(STORE, beside, "--data-dir", server.dataDir);
    expect([first.code, first.stderr]).toEqual([0, ""]);
    const { ids, files } = await readByGit(beside);
    expect(first.stdout).toEndWith(` written to ${beside}, main is at ${ids[0]}\n`);
    expect(files.find((path) => path.endsWith("/v1"))).toStartWith("repositories/a/");

    await client.pushImage("v2");
    await server.end("SIGKILL");
    expect((await everlock(STORE, alone, "--data-dir", server.dataDir)).code).toBe(0);
    const own = (
      await must(["git", "-C", `${server.dataDir}/${STORE}`, "log", "--format=%H", "main"])
    ).trim();
    expect((await readByGit(alone)).ids).toEqual(own.split("\n"));
    expect((await everlock(STORE, beside, "--data-dir", server.dataDir)).code).toBe(0);
    expect((await readByGit(beside)).ids).toEqual(own.split("\n"));
  }, 60_000);

  test("refuses a store that does not exist, and directories with something else", async () => {
    const { dataDir } = await startEverlock();
    const unknown = await everlock("nothing", newDirectory(), "--data-dir", dataDir);
    expect([unknown.code, unknown.stderr]).toEqual([
      2,
      "everlock: there is no store 'nothing'; there are everlock-oci-local, everlock-system, everlock-users\n",
    ]);
    const full = temporaryDirectory();
    writeFileSync(`${full}/notes`, "");
    const inUse = await everlock(STORE, full, "--data-dir", dataDir);
    expect([inUse.code, inUse.stderr]).toEqual([
      2,
      expect.stringContaining(`${full} contains something other than an export; use: everlock export`),
    ]);
    const inside = await everlock(STORE, `${dataDir}/copy`, "--data-dir", dataDir);
    expect([inside.code, inside.stderr]).toEqual([
      2,
      `everlock: ${dataDir}/copy is part of the data directory; choose a directory elsewhere\n`,
    ]);
    const users = newDirectory();
    mkdirSync(users);
    expect((await everlock("everlock-users", users, "--data-dir", dataDir)).code).toBe(0);
    const other = await everlock(STORE, users, "--data-dir", dataDir);
    expect([other.code, other.stderr]).toEqual([
      2,
      `everlock: ${users} has the commits of the store 'everlock-users' in ${dataDir}; choose another directory\n`,
    ]);
    expect(readdirSync(full)).toEqual(["notes"]);
  }, 60_000);
});

describeWith(["versitygw", "ssh", "sshpass", "git"], "everlock export of a bucket", () => {
  const bucket = sharedS3Server();

  test("writes a repository that stock git reads, with the same commits, while a node runs, and brings it up to date", async () => {
    const location = bucket();
    const node = await startNode(location);
    await addAlice(node);
    const client = new RegistryClient(node.httpPort, "team/app");
    const { digest, manifest } = await client.pushImage("v1");
    await client.pushImage("v2");
    const dir = newDirectory();
    const exported = await everlock(STORE, dir, ...nodeArgs(location));
    expect([exported.code, exported.stderr]).toEqual([0, ""]);
    const { ids, files, git } = await readByGit(dir);
    const log = await openNodeLog(bucketAt(location), STORE);
    expect(ids[0]).toBe(log.head ?? "");
    expect(exported.stdout).toEndWith(` written to ${dir}, main is at ${log.head}\n`);
    const shown = (await node.console("/oci log default team/app:v2")).stdout;
    expect(shown).toContain((ids[0] ?? "").slice(0, 12));
    expect(await git("log", "--format=%an %s", "-2")).toContain("alice");
    const path = files.find((file) => file.endsWith(digestHex(digest))) ?? "";
    expect(await git("cat-file", "blob", `main:${path}`)).toBe(manifest);

    // From packs, and entries after them.
    await log.merge();
    await client.pushImage("v3");
    const again = await everlock(STORE, dir, ...nodeArgs(location));
    expect([again.code, again.stderr]).toEqual([0, ""]);
    const newer = await readByGit(dir);
    expect(newer.ids.slice(1)).toEqual(ids);
    const packs = readdirSync(`${dir}/objects/pack`).toSorted();
    const unchanged = await everlock(STORE, dir, ...nodeArgs(location));
    expect([unchanged.code, unchanged.stderr]).toEqual([0, ""]);
    expect(readdirSync(`${dir}/objects/pack`).toSorted()).toEqual(packs);
    expect(packs.filter((name) => name.endsWith(".idx"))).toHaveLength(2);
    await log.close();
  }, 60_000);

  test("leaves no repository where something is damaged or missing, and says what", async () => {
    const location = bucket();
    const node = await startNode(location);
    await node.end();
    const log = await openNodeLog(bucketAt(location), "everlock-users");
    await log.merge();
    await log.close();
    const objects = bucketAt(location);
    const [pages] = await Array.fromAsync(objects.list("stores/everlock-users/packs/"));
    const key = pages?.find((object) => object.key.endsWith(".pack"))?.key ?? "";
    const sound = (await objects.read(key))?.bytes ?? new Uint8Array();
    const flipped = sound.slice();
    flipped[20] = (flipped[20] ?? 0) ^ 1;
    await objects.put(key, flipped);
    const dir = newDirectory();
    const damaged = await everlock("everlock-users", dir, ...nodeArgs(location));
    expect(damaged.code).toBe(1);
    expect(damaged.stderr).toContain(`everlock: the export to ${dir} is not finished: ${key} is damaged`);
    await objects.remove(key);
    const missing = await everlock("everlock-users", dir, ...nodeArgs(location));
    expect(missing.stderr).toContain(`${key} is damaged: it is gone, and the checkpoint names it`);
    expect(existsSync(dir)).toBe(false);
    await objects.put(key, sound);
    const whole = await everlock("everlock-users", dir, ...nodeArgs(location));
    expect([whole.code, whole.stderr]).toEqual([0, ""]);
    await readByGit(dir);
    expect(existsSync(`${dir}.exporting`)).toBe(false);
  }, 60_000);
});
