import { expect, test } from "bun:test";
import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import type { Projection } from "../../../../../src/primitives/store/commits/projection.ts";
import type { Store } from "../../../../../src/primitives/store/commits/store.ts";
import { storePath } from "../../../../../src/primitives/store/commits/store-path.ts";
import type { ObjectId } from "../../../../../src/primitives/store/git/object-id.ts";
import { localStores } from "../../../../../src/primitives/store/open-engine.ts";
import type { StoreName } from "../../../../../src/primitives/store/store-manager.ts";
import { afterThisTest } from "../../../../support/cleanup.ts";
import { eventually } from "../../../../support/eventually.ts";
import { flipBit } from "../../../../support/flipped-bit.ts";
import { temporaryDirectory } from "../../../../support/temporary-directory.ts";
import { describeWith, must } from "../../../../support/tools.ts";

const NAME = "everlock-test" as StoreName;
const meta = { author: { name: "alice", email: "alice@everlock" }, message: "write" };

async function open(dataDir = temporaryDirectory(), projection?: Projection) {
  const logged: string[] = [];
  const log = (message: string) => void logged.push(message);
  const manager = localStores(dataDir, { info: log, warn: log, error: log });
  const store = await manager.open(NAME, projection);
  afterThisTest(() => (store.isClosed ? undefined : store.close()));
  return { store, dataDir, dir: manager.directory(NAME), logged };
}

const writeAll = (store: Store, names: readonly string[]) =>
  Promise.all(names.map((name) => store.write(storePath(name), Buffer.from(name), meta)));
const numbered = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${i}`);
const pathsOf = async (store: Store) =>
  (await Array.fromAsync(store.list())).map(({ path }) => String(path)).sort();
const git = (dir: string, ...args: string[]) => must(["git", "-C", dir, ...args]);
const filesOf = async (dir: string) =>
  (await git(dir, "ls-tree", "-r", "--name-only", "main")).trim().split("\n").sort();

/** What a power cut leaves of the store right after the writes were acknowledged. */
async function crashAfter(names: readonly string[]) {
  const { store, dataDir, dir } = await open();
  await store.write(storePath("before"), Buffer.from("before"), meta);
  // Two groups: what is published while more is coming goes to the journal.
  const first = writeAll(store, names.slice(0, names.length / 2));
  await Promise.resolve();
  await Promise.all([first, writeAll(store, names.slice(names.length / 2))]);
  const copy = temporaryDirectory();
  cpSync(dataDir, copy, { recursive: true });
  const journal = `${copy}/${NAME}/everlock-journal`;
  expect([statSync(journal).size > 0, existsSync(`${copy}/${NAME}/refs/heads/main.lock`)]).toEqual([
    true,
    true,
  ]);
  expect(await filesOf(`${copy}/${NAME}`)).toEqual(["before"]);
  return { copy, copyDir: `${copy}/${NAME}`, journal, dir };
}

describeWith(["git"], "commits in the journal", () => {
  test("are seen by git a moment later, and leave neither journal nor lock", async () => {
    const { store, dir } = await open();
    const names = numbered("a", 40);
    await writeAll(store, names.slice(0, 1));
    await writeAll(store, names.slice(1));
    expect(await eventually(async () => (await filesOf(dir)).length === names.length)).toBe(true);
    expect(await filesOf(dir)).toEqual(names.toSorted());
    await store.close();
    expect(statSync(`${dir}/everlock-journal`).size).toBe(0);
    expect(existsSync(`${dir}/refs/heads/main.lock`)).toBe(false);
    expect(await git(dir, "fsck", "--strict", "--no-progress")).toBe("");
    expect((await git(dir, "rev-list", "--count", "main")).trim()).toBe(String(names.length));
  });

  test("one alone is seen by git when it is acknowledged", async () => {
    const { store, dir } = await open();
    for (const name of numbered("a", 10)) {
      await store.write(storePath(name), Buffer.from(name), meta);
      expect(await filesOf(dir)).toContain(name);
    }
  });

  test("stay safe while git can't be shown them, and are shown when it can", async () => {
    const { store, dir, logged } = await open();
    const names = numbered("a", 30);
    await writeAll(store, ["before"]);
    renameSync(`${dir}/objects/pack`, `${dir}/objects/away`);
    await writeAll(store, names);
    expect(await eventually(() => logged.length > 0)).toBe(true);
    expect(logged[0]).toContain("are durable, but stock git does not see them yet; the server tries again");
    expect(await pathsOf(store)).toEqual(["before", ...names].sort());
    renameSync(`${dir}/objects/away`, `${dir}/objects/pack`);
    await writeAll(store, ["x", "y"]);
    expect(await eventually(async () => (await filesOf(dir)).length === names.length + 3)).toBe(true);
    await store.close();
    expect(await git(dir, "fsck", "--strict", "--no-progress")).toBe("");
  });

  test("stay readable when the index can't take them in, and the next ones are built on them", async () => {
    let failures = 1;
    let head: ObjectId | undefined;
    const index: Projection = {
      get head() {
        return head;
      },
      apply(_changes, next) {
        if (head && failures-- > 0) throw new Error("the index is full");
        head = next ?? head;
      },
      reset() {
        head = undefined;
      },
    };
    const { store, dir } = await open(temporaryDirectory(), index);
    await writeAll(store, ["before"]);
    const write = (name: string) =>
      store.write(storePath(name), Buffer.from(name), meta).then(() => name, String);
    const outcomes = await Promise.all([...numbered("a", 20), ...numbered("b", 20)].map(write));
    const later = await Promise.all(numbered("c", 10).map(write));
    expect(later).toEqual(numbered("c", 10));
    expect([...new Set(outcomes.filter((outcome) => outcome.startsWith("Error")))]).toEqual([
      "Error: the index is full",
    ]);
    // What was refused is a commit all the same: it was durable when the index failed.
    const all = ["before", ...numbered("a", 20), ...numbered("b", 20), ...numbered("c", 10)].sort();
    expect(await pathsOf(store)).toEqual(all);
    for (const path of all) expect(await store.read(storePath(path))).toEqual(Buffer.from(path));
    await store.close();
    expect(await filesOf(dir)).toEqual(all);
    expect(await git(dir, "fsck", "--strict", "--no-progress")).toBe("");
  });

  test("come to the branch after a crash", async () => {
    const names = numbered("a", 30);
    const { copy, copyDir } = await crashAfter(names);
    const { store, logged } = await open(copy);
    expect(await pathsOf(store)).toEqual(["before", ...names].sort());
    expect(logged).toEqual([]);
    await writeAll(store, ["after"]);
    await store.close();
    expect(await filesOf(copyDir)).toEqual(["before", "after", ...names].sort());
    expect(await git(copyDir, "fsck", "--strict", "--no-progress")).toBe("");
    expect((await git(copyDir, "rev-list", "--count", "main")).trim()).toBe(String(names.length + 2));
  });

  test("of which the last was cut off come to the branch as far as they are whole", async () => {
    const { copy, copyDir, journal } = await crashAfter(numbered("a", 30));
    truncateSync(journal, statSync(journal).size - 1);
    const { store } = await open(copy);
    const paths = await pathsOf(store);
    expect(paths).toContain("before");
    expect(paths.length).toBeLessThan(31);
    await store.close();
    expect(await git(copyDir, "fsck", "--strict", "--no-progress")).toBe("");
  });

  test("of which one in the middle is damaged stop the store, and leave it as it is", async () => {
    const { copy, copyDir, journal } = await crashAfter(numbered("a", 30));
    const bytes = readFileSync(journal);
    const first = 24 + bytes.readUInt32BE(4) + 32;
    // As if it had been the second of several.
    writeFileSync(journal, Buffer.concat([bytes.subarray(0, first), bytes.subarray(0, first)]));
    flipBit(journal, 200, 1);
    const before = readFileSync(journal);
    await expect(open(copy)).rejects.toThrow(`${journal} is damaged: the record at byte 0 is broken`);
    expect([readFileSync(journal).equals(before), existsSync(`${copyDir}/refs/heads/main.lock`)]).toEqual([
      true,
      true,
    ]);
    expect(await filesOf(copyDir)).toEqual(["before"]);
  });

  test("whose branch is gone name the commit that it has to be put back to, and come to it then", async () => {
    const names = numbered("a", 30);
    const { copy, copyDir } = await crashAfter(names);
    const commit = (await git(copyDir, "rev-parse", "main")).trim();
    rmSync(`${copyDir}/refs/heads/main`);
    const remedy = `git -C ${copyDir} update-ref refs/heads/main ${commit}`;
    for (let attempt = 0; attempt < 2; attempt++) await expect(open(copy)).rejects.toThrow(remedy);
    await must(remedy.split(" "));
    const { store } = await open(copy);
    expect(await pathsOf(store)).toEqual(["before", ...names].sort());
  });

  test("are kept under a name of their own where somebody has moved the branch after the crash", async () => {
    const names = numbered("a", 30);
    const { copy, copyDir } = await crashAfter(names);
    rmSync(`${copyDir}/refs/heads/main.lock`);
    const tree = (await git(copyDir, "rev-parse", "main^{tree}")).trim();
    const identity = ["-c", "user.name=bob", "-c", "user.email=bob@test"];
    const foreign = (
      await must(["git", "-C", copyDir, ...identity, "commit-tree", tree, "-p", "main", "-m", "foreign"])
    ).trim();
    await git(copyDir, "update-ref", "refs/heads/main", foreign);
    const { store, logged } = await open(copy);
    expect(await pathsOf(store)).toEqual(["before"]);
    expect(logged.join()).toContain("the server's commits are kept at refs/heads/unmerged-");
    const [kept = ""] = readdirSync(`${copyDir}/refs/heads`).filter((name) => name.startsWith("unmerged-"));
    const files = (await git(copyDir, "ls-tree", "-r", "--name-only", kept)).trim().split("\n");
    expect(files.sort()).toEqual(["before", ...names].sort());
    await writeAll(store, ["x", "y"]);
    await store.close();
    expect(await git(copyDir, "fsck", "--strict", "--no-progress")).toBe("");
  });

  test("do not keep stock git from moving the branch when there is a pause", async () => {
    const { store, dir } = await open();
    await store.write(storePath("before"), Buffer.from("before"), meta);
    let isOver = false;
    let written = 0;
    const writing = (async () => {
      for (; !isOver; await Bun.sleep(400)) {
        await writeAll(store, numbered(`b${written}-`, 16));
        written += 16;
      }
    })();
    const clone = `${temporaryDirectory()}/clone`;
    await must(["git", "clone", "-q", dir, clone]);
    await Bun.write(`${clone}/foreign`, "foreign");
    const bob = ["-c", "user.name=bob", "-c", "user.email=bob@test"];
    await git(clone, "add", "foreign");
    await git(clone, ...bob, "commit", "-qm", "foreign");
    // Onto the newest commit, and again if that is no longer the newest.
    const push = async () => {
      await git(clone, ...bob, "pull", "-q", "--rebase");
      return (await Bun.spawn(["git", "-C", clone, "push", "-q"], { stderr: "ignore" }).exited) === 0;
    };
    expect(await eventually(push)).toBe(true);
    isOver = true;
    await writing;
    await writeAll(store, ["x", "y"]);
    expect(await pathsOf(store)).toContain("foreign");
    await store.close();
    expect(await git(dir, "fsck", "--strict", "--no-progress", "--no-dangling")).toBe("");
    expect(Number((await git(dir, "rev-list", "--count", "main")).trim())).toBe(written + 4);
  }, 30_000);
});
