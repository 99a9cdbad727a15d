import { describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { storageTroubleOf } from "../../../src/primitives/fs/storage-trouble.ts";
import { Store } from "../../../src/primitives/store/commits/store.ts";
import { storePath } from "../../../src/primitives/store/commits/store-path.ts";
import { LocalBranch } from "../../../src/primitives/store/engine/local/local-branch.ts";
import { LocalObjects } from "../../../src/primitives/store/engine/local/local-objects.ts";
import { LocalRefs } from "../../../src/primitives/store/engine/local/local-refs.ts";
import type { ObjectId } from "../../../src/primitives/store/git/object-id.ts";
import type { EncodedEntry } from "../../../src/primitives/store/git/pack.ts";
import { localStores } from "../../../src/primitives/store/open-engine.ts";
import type { StoreName } from "../../../src/primitives/store/store-manager.ts";
import { afterThisTest } from "../../support/cleanup.ts";
import { eventually } from "../../support/eventually.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const NAME = "everlock-test" as StoreName;
const MAIN = "refs/heads/main";
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
const meta = { author: { name: "alice", email: "alice@everlock" }, message: "write" };
const numbered = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${i}`);
const ioError = () => Object.assign(new Error("EIO: i/o error, fsync"), { code: "EIO" });

/** Refs that are moved, but whose move could not be made durable. */
class FailingRefs extends LocalRefs {
  /** How many moves from now on fail so. */
  failures = 0;
  writes = 0;

  override async write(ref: string, next: ObjectId): Promise<void> {
    await super.write(ref, next);
    this.writes++;
    if (this.failures-- > 0) throw ioError();
  }

  override async compareAndSwap(...args: Parameters<LocalRefs["compareAndSwap"]>): Promise<boolean> {
    const isMoved = await super.compareAndSwap(...args);
    if (isMoved && this.failures-- > 0) throw ioError();
    return isMoved;
  }
}

class FailingObjects extends LocalObjects {
  failures = 0;

  override async putEntries(entries: readonly EncodedEntry[]): Promise<void> {
    if (this.failures-- > 0) throw ioError();
    await super.putEntries(entries);
  }
}

async function open(dataDir = temporaryDirectory()) {
  const dir = await localStores(dataDir, silent).create(NAME);
  const [refs, objects] = [new FailingRefs(dir), new FailingObjects(`${dir}/objects`)];
  const reports: string[] = [];
  const flushFailures: unknown[] = [];
  const branch = await LocalBranch.open({
    dir,
    objects,
    refs,
    report: (text) => void reports.push(text),
    flushFailed: (error) => void flushFailures.push(error),
  });
  const store = await Store.open(NAME, { objects, branch });
  afterThisTest(() => (store.isClosed ? undefined : store.close()));
  const write = (name: string) => store.write(storePath(name), Buffer.from(name), meta);
  /** In two groups, of which the first is published while more is coming. */
  const writeMany = async (names: readonly string[]) => {
    const first = names.slice(0, names.length / 2).map(write);
    await Promise.resolve();
    await Promise.all([...first, ...names.slice(names.length / 2).map(write)]);
  };
  const heads = () => readdirSync(`${dir}/refs/heads`).sort();
  return { store, dataDir, dir, refs, objects, reports, flushFailures, write, writeMany, heads };
}

const pathsOf = async (store: Store) =>
  (await Array.fromAsync(store.list())).map(({ path }) => String(path)).sort();

describe("a disk that fails", () => {
  test("once while the branch is moved is not taken for another process, and no acknowledged commit is lost", async () => {
    const { store, dataDir, refs, reports, flushFailures, write, writeMany, heads } = await open();
    await write("before");
    refs.failures = 1;
    await writeMany(numbered("a", 30));
    expect(await eventually(() => flushFailures.length === 1)).toBe(true);
    await writeMany(numbered("b", 30));
    expect(await eventually(() => heads().join() === "main")).toBe(true);
    expect([reports, heads()]).toEqual([[], ["main"]]);
    await store.close();
    const again = await localStores(dataDir, silent).open(NAME);
    expect(await pathsOf(again)).toEqual(["before", ...numbered("a", 30), ...numbered("b", 30)].sort());
    await again.close();
  });

  test("while commits are published to stock git is retried, without another commit", async () => {
    const { store, dir, objects, flushFailures, write, writeMany, heads } = await open();
    await write("before");
    objects.failures = 1;
    await writeMany(numbered("a", 10));
    expect(await eventually(() => flushFailures.length === 1)).toBe(true);
    const newest = `${store.head().commitId}\n`;
    expect(await eventually(() => readFileSync(`${dir}/${MAIN}`, "utf8") === newest)).toBe(true);
    expect(await eventually(() => heads().join() === "main")).toBe(true);
  });

  test("after the branch was moved makes that commit durable before others are built on it", async () => {
    const { store, refs, write } = await open();
    await write("before");
    refs.failures = 1;
    const failed = await write("unknown").then(() => undefined, storageTroubleOf);
    expect(failed).toBe("failing");
    const writes = refs.writes;
    await write("after");
    expect(refs.writes).toBe(writes + 1);
    // Whoever was told of the failure may find it stored; nobody else lost anything.
    expect(await pathsOf(store)).toEqual(["after", "before", "unknown"]);
    await write("later");
    expect(refs.writes).toBe(writes + 1);
  });

  test("while the objects of a commit are stored refuses that commit, and leaves no lock", async () => {
    const { store, objects, write, heads } = await open();
    await write("before");
    objects.failures = 1;
    expect(await write("x").then(() => undefined, storageTroubleOf)).toBe("failing");
    expect(heads()).toEqual(["main"]);
    await write("after");
    expect(await pathsOf(store)).toEqual(["after", "before"]);
  });

  test("permanently does not keep commits in memory without bound", async () => {
    const { store, objects, write } = await open();
    await write("before");
    objects.failures = Number.POSITIVE_INFINITY;
    const large = (name: string) => store.write(storePath(name), randomBytes(3 << 20), meta);
    let stored = 0;
    for (let refused = false; !refused; ) {
      const outcomes = await Promise.allSettled(numbered(`x${stored}-`, 4).map(large));
      stored += outcomes.filter(({ status }) => status === "fulfilled").length;
      refused = outcomes.some(({ status }) => status === "rejected");
      expect(stored).toBeLessThan(100);
    }
    objects.failures = 0;
    await write("after");
    expect((await pathsOf(store)).length).toBe(stored + 2);
  }, 30_000);
});

describe("a lock of another process", () => {
  test.concurrent.each([1, 20])(
    "that stays refuses %d simultaneous commits, is named in the error, and is not removed",
    async (count) => {
      const { store, dir, write } = await open();
      await write("before");
      writeFileSync(`${dir}/${MAIN}.lock`, "");
      const refusals = await Promise.all(
        numbered("x", count).map((name) => write(name).then(() => "stored", String)),
      );
      expect([...new Set(refusals)]).toEqual([expect.stringContaining(`${MAIN}.lock`)]);
      expect(readFileSync(`${dir}/${MAIN}.lock`, "utf8")).toBe("");
      rmSync(`${dir}/${MAIN}.lock`);
      await write("after");
      expect(await pathsOf(store)).toEqual(["after", "before"]);
    },
    20_000,
  );
});
