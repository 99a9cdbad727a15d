import { describe, expect, test } from "bun:test";
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { digestOf } from "../../../../../../src/primitives/digest.ts";
import type { S3Bucket } from "../../../../../../src/primitives/s3/s3-bucket.ts";
import { Store } from "../../../../../../src/primitives/store/commits/store.ts";
import { storePath } from "../../../../../../src/primitives/store/commits/store-path.ts";
import type { Moment } from "../../../../../../src/primitives/store/engine/s3/log/log-clock.ts";
import type { S3LogRecord } from "../../../../../../src/primitives/store/engine/s3/log/log-entry.ts";
import { StoreLog } from "../../../../../../src/primitives/store/engine/s3/log/store-log.ts";
import { nameObject } from "../../../../../../src/primitives/store/git/object.ts";
import { type Fault, MemoryS3 } from "../../../../../support/memory-s3.ts";
import { randomBytes } from "../../../../../support/random-bytes.ts";
import { commitsOf } from "../../../../../support/s3-commits.ts";
import { temporaryDirectory } from "../../../../../support/temporary-directory.ts";

const DAY_MS = 24 * 3_600_000;
const meta = (message: string) => ({ author: { name: "alice", email: "alice@everlock" }, message });

let nodes = 0;

/** A store on a node. */
async function openNode(bucket: S3Bucket, options: { localDir?: string; clock?: () => Moment } = {}) {
  const { localDir = temporaryDirectory(), clock } = options;
  const node = `node-${++nodes}`;
  const log = await StoreLog.open(bucket, "app", { node, localDir, ...(clock && { clock }) });
  const store = await Store.open("app", commitsOf(log));
  return { log, store, localDir };
}

/** Makes so many commits, each of a tag, and answers all tags of the store. */
async function push(store: Store, from: number, count: number): Promise<void> {
  for (let i = from; i < from + count; i++)
    await store.write(storePath(`tags/${i % 50}`), Buffer.from(`content ${i}`), meta(`push ${i}`));
}

/** The whole store as a node sees it: subjects of the history and all files. */
async function contentOf(store: Store): Promise<unknown> {
  await store.refresh();
  const history = await Array.fromAsync(store.history());
  const files = await Array.fromAsync(store.list());
  const contents = files.map(async ({ path }) => [
    path,
    Buffer.from((await store.read(path)) ?? []).toString(),
  ]);
  return { subjects: history.map(({ commit }) => commit.message), files: await Promise.all(contents) };
}

/** The links that a new projection has, from the records after an entry. */
async function linksOf(log: StoreLog, after = 0, links = new Set<string>()) {
  let resets = 0;
  await log.followRecords(after, {
    reset: () => {
      resets++;
      links.clear();
    },
    apply: (records) => {
      for (const { kind, scope } of records) links[kind === "link" ? "add" : "delete"](scope);
    },
  });
  return { links, resets: () => resets };
}

function record(kind: S3LogRecord["kind"], scope: string): S3LogRecord {
  return { kind, scope, digest: digestOf(Buffer.from(scope)), seconds: 1 };
}

const keysBelow = (s3: MemoryS3, folder: string) =>
  [...s3.objects.keys()].filter((key) => key.startsWith(`stores/app/${folder}/`));

describe("a merge of the log", () => {
  test("leaves the store as it was, for nodes that saw it and for those that start", async () => {
    const s3 = new MemoryS3();
    const [here, there] = [await openNode(s3.bucket()), await openNode(s3.bucket())];
    for (let round = 0; round < 5; round++) {
      await push(here.store, round * 20, 20);
      const before = await contentOf(here.store);
      expect((await here.log.merge()).merged).toBe(20);
      for (const { store } of [here, there, await openNode(s3.bucket())])
        expect(await contentOf(store)).toEqual(before);
    }
    expect((await here.log.merge()).merged).toBe(0);
    expect(await here.store.checkObjects()).toMatchObject({ problems: [] });
  });

  test("keeps few packs and records, however often it is done", async () => {
    const s3 = new MemoryS3();
    const { store, log } = await openNode(s3.bucket());
    for (let round = 0; round < 32; round++) {
      await push(store, round * 4, 4);
      await log.record([record("link", `scope ${round}`)]);
      await log.merge();
    }
    const checkpoint = JSON.parse(
      Buffer.from(s3.objects.get("stores/app/checkpoint")?.bytes ?? []).toString(),
    );
    expect(checkpoint.packs.length).toBeLessThanOrEqual(7);
    expect(checkpoint.segments.length).toBeLessThanOrEqual(7);
  });

  test("lets a node that starts read as many entries as were not merged, and no more", async () => {
    const s3 = new MemoryS3();
    const { store, log } = await openNode(s3.bucket());
    await push(store, 0, 100);
    await log.merge();
    await push(store, 100, 3);
    const before = s3.requests.length;
    await openNode(s3.bucket());
    const requests = s3.requests.slice(before);
    expect(requests.length).toBeLessThanOrEqual(8);
    expect(requests.filter((request) => request.includes("/log/")).length).toBeLessThanOrEqual(6);
  });

  test("whose packs or records are lost is told by who reads them, and not asked for without an end", async () => {
    const s3 = new MemoryS3();
    const { store, log } = await openNode(s3.bucket());
    await push(store, 0, 3);
    await log.record([record("link", "a")]);
    await log.merge();
    const lose = (folder: string) => {
      const keys = keysBelow(s3, folder);
      for (const key of keys) s3.objects.delete(key);
      return keys;
    };
    const [records = ""] = lose("records");
    const other = await StoreLog.open(s3.bucket(), "app", { node: "other", localDir: temporaryDirectory() });
    expect(linksOf(other)).rejects.toThrow(`the log in the object store is damaged: ${records} is gone`);
    lose("packs");
    expect(Store.open("app", commitsOf(other))).rejects.toThrow("the log in the object store is damaged: ");
  });

  test("that breaks off at any request leaves the store whole, and can be done again", async () => {
    const faults: readonly Fault[] = [
      { kind: "refuse", status: 503 },
      { kind: "lose", status: 503 },
    ];
    for (const fault of faults) {
      for (let crash = 0, isOver = false; !isOver; crash++) {
        const s3 = new MemoryS3();
        const { store, log } = await openNode(s3.bucket({ maxAttempts: 1 }));
        await push(store, 0, 6);
        await log.record([record("link", "a"), record("link", "b")]);
        await log.merge();
        await push(store, 6, 3);
        await log.record([record("unlink", "a")]);
        const before = await contentOf(store);
        let requests = 0;
        // From this request on, nothing reaches the store any more: the node has been killed.
        s3.fault = () =>
          requests++ < crash ? undefined : requests - 1 === crash ? fault : { kind: "refuse", status: 503 };
        isOver = await log.merge().then(
          () => true,
          () => false,
        );
        s3.fault = () => undefined;
        const other = await openNode(s3.bucket());
        expect(await contentOf(other.store)).toEqual(before);
        expect([...(await linksOf(other.log)).links]).toEqual(["b"]);
        await push(other.store, 9, 2);
        await other.log.merge();
        const after = await contentOf(other.store);
        expect(await contentOf((await openNode(s3.bucket())).store)).toEqual(after);
        // The node of which the others thought that it had been killed.
        expect(await contentOf(store)).toEqual(after);
        await log.merge();
        expect(await contentOf((await openNode(s3.bucket())).store)).toEqual(after);
      }
    }
  }, 30_000);

  test("by several nodes at once is done by one of them, and loses nothing", async () => {
    const s3 = new MemoryS3();
    const all = await Promise.all([0, 1, 2].map(() => openNode(s3.bucket())));
    for (let round = 0; round < 5; round++) {
      const pushes = all.map(({ store }, node) => push(store, 100 * round + 10 * node, 10));
      const merges = all.map(({ log }) => log.merge());
      await Promise.all([...pushes, ...merges]);
    }
    const [first] = all;
    const content = await contentOf((await openNode(s3.bucket())).store);
    expect(content).toMatchObject({ subjects: { length: 150 } });
    for (const { store } of all) expect(await contentOf(store)).toEqual(content);
    expect(await first?.store.checkObjects()).toMatchObject({ problems: [] });
  });

  test("while another node starts does not hold that one up, whichever of its requests it meets", async () => {
    for (let at = 0, isOver = false; !isOver; at++) {
      const s3 = new MemoryS3();
      const { store, log } = await openNode(s3.bucket());
      await push(store, 0, 3);
      await log.merge();
      await push(store, 3, 3);
      const starting = s3.bucket();
      const { send } = starting.client;
      let requests = 0;
      starting.client.send = async (request) => {
        if (requests++ === at) {
          await log.merge();
          await push(store, 6, 1);
          await log.merge();
        }
        return send.call(starting.client, request);
      };
      const other = await openNode(starting);
      isOver = requests <= at;
      expect(await contentOf(other.store)).toEqual(await contentOf(store));
    }
  });

  test("ends when its lease does", async () => {
    const s3 = new MemoryS3();
    const { store, log } = await openNode(s3.bucket());
    await push(store, 0, 5);
    const lost = () => {
      throw new Error("the lease is lost");
    };
    await expect(log.merge(lost)).rejects.toThrow("the lease is lost");
    expect(s3.objects.has("stores/app/checkpoint")).toBe(false);
  });

  test("is due after many entries, or after an hour with any", async () => {
    const s3 = new MemoryS3();
    let monotonic = 0;
    const { store, log } = await openNode(s3.bucket(), { clock: () => ({ monotonic, wall: Date.now() }) });
    expect(log.isMergeDue).toBe(false);
    await push(store, 0, 1);
    expect(log.isMergeDue).toBe(false);
    monotonic += 3_600_000;
    expect(log.isMergeDue).toBe(true);
    await log.merge();
    expect(log.isMergeDue).toBe(false);
    for (let i = 0; i < 300; i++) await log.record([record("link", `${i}`)]);
    expect(log.isMergeDue).toBe(true);
  });
});

describe("what was merged", () => {
  test("is deleted a day after the checkpoint, and not before", async () => {
    const s3 = new MemoryS3();
    let now = Date.now();
    s3.now = () => new Date(now);
    const { store, log } = await openNode(s3.bucket());
    await push(store, 0, 5);
    await log.merge();
    now += DAY_MS - 60_000;
    await push(store, 5, 5);
    await log.merge();
    expect(keysBelow(s3, "log")).toHaveLength(10);
    now += 120_000;
    await push(store, 10, 1);
    expect((await log.merge()).deleted).toBeGreaterThanOrEqual(5);
    expect(keysBelow(s3, "log")).toHaveLength(6);
    now += 3 * DAY_MS;
    await push(store, 11, 1);
    await log.merge();
    await push(store, 12, 1);
    await log.merge();
    expect(keysBelow(s3, "log").length).toBeLessThanOrEqual(3);
    expect(keysBelow(s3, "packs").length).toBeLessThanOrEqual(2 * 4);
    const content = await contentOf(store);
    expect(content).toMatchObject({ subjects: { length: 13 } });
    expect(await contentOf((await openNode(s3.bucket())).store)).toEqual(content);
  });

  test("is read by a node that was suspended for days from the newest checkpoint, records as well", async () => {
    const s3 = new MemoryS3();
    let now = Date.now();
    s3.now = () => new Date(now);
    const clock = () => ({ monotonic: 0, wall: now });
    const [here, there] = [await openNode(s3.bucket()), await openNode(s3.bucket(), { clock })];
    await here.log.record([record("link", "old"), record("link", "kept")]);
    const { links } = await linksOf(there.log);
    await there.log.refresh();
    expect([...links]).toEqual(["old", "kept"]);
    for (let day = 0; day < 4; day++) {
      await push(here.store, day * 5, 5);
      await here.log.record([record(day === 0 ? "unlink" : "link", day === 0 ? "old" : `day ${day}`)]);
      await here.log.merge();
      now += 2 * DAY_MS;
    }
    expect(s3.objects.has("stores/app/log/0000000000000003")).toBe(false);
    expect(await contentOf(there.store)).toEqual(await contentOf(here.store));
    expect([...links].toSorted()).toEqual(["day 1", "day 2", "day 3", "kept"]);
    await push(there.store, 20, 1);
    expect(await contentOf(here.store)).toMatchObject({ subjects: { length: 21 } });
  });

  test("is read once the object store lets a node that was suspended, and nothing is skipped until then", async () => {
    const s3 = new MemoryS3();
    let now = Date.now();
    s3.now = () => new Date(now);
    const clock = () => ({ monotonic: 0, wall: now });
    const [here, there] = [
      await openNode(s3.bucket()),
      await openNode(s3.bucket({ maxAttempts: 1 }), { clock }),
    ];
    const { links } = await linksOf(there.log);
    for (let day = 0; day < 4; day++) {
      await here.log.record([record("link", `day ${day}`)]);
      await here.log.merge();
      now += 2 * DAY_MS;
    }
    s3.fault = (_, key) => (key.includes("/records/") ? { kind: "refuse", status: 503 } : undefined);
    await expect(there.log.refresh()).rejects.toThrow("503");
    await expect(there.log.record([record("link", "own")])).rejects.toThrow("503");
    expect([...links]).toEqual([]);
    s3.fault = () => undefined;
    await here.log.record([record("link", "later")]);
    await there.log.record([record("link", "own")]);
    expect([...links].toSorted()).toEqual(["day 0", "day 1", "day 2", "day 3", "later", "own"]);
  });

  test("is never created again by a node that was suspended while its entries were deleted", async () => {
    const s3 = new MemoryS3();
    let now = Date.now();
    s3.now = () => new Date(now);
    const clock = () => ({ monotonic: 0, wall: now });
    const [here, there] = [await openNode(s3.bucket()), await openNode(s3.bucket(), { clock })];
    for (let day = 0; day < 4; day++) {
      await push(here.store, day, 1);
      await here.log.merge();
      now += 2 * DAY_MS;
    }
    expect(s3.objects.has("stores/app/log/0000000000000001")).toBe(false);
    const object = nameObject("blob", randomBytes(10));
    await there.log.put([object]);
    expect(s3.objects.has("stores/app/log/0000000000000001")).toBe(false);
    await here.log.refresh();
    expect(await here.log.has(object.id)).toBe(true);
  });

  test("is found by a node whose packs were merged and deleted meanwhile", async () => {
    const s3 = new MemoryS3();
    let now = Date.now();
    s3.now = () => new Date(now);
    const here = await openNode(s3.bucket());
    await push(here.store, 0, 5);
    await here.log.merge();
    const there = await openNode(s3.bucket(), { clock: () => ({ monotonic: 0, wall: now }) });
    for (let day = 0; day < 3; day++) {
      now += 2 * DAY_MS;
      await push(here.store, 5 * day + 5, 5);
      await here.log.merge();
    }
    expect(await contentOf(there.store)).toEqual(await contentOf(here.store));
  });
});

describe("the cache of a node", () => {
  test("is made again when it is lost or damaged, and used when it is there", async () => {
    const s3 = new MemoryS3();
    const { store, log } = await openNode(s3.bucket());
    await push(store, 0, 20);
    await log.merge();
    const content = await contentOf(store);
    const { localDir } = await openNode(s3.bucket());
    const packsDir = `${localDir}/packs`;
    const reopened = async () => contentOf((await openNode(s3.bucket(), { localDir })).store);
    expect(await reopened()).toEqual(content);
    const before = s3.requests.length;
    expect(await reopened()).toEqual(content);
    expect(s3.requests.slice(before).filter((request) => request.endsWith(".idx"))).toEqual([]);
    for (const file of readdirSync(packsDir)) writeFileSync(`${packsDir}/${file}`, "damaged");
    const [file = ""] = readdirSync(packsDir);
    const leftOver = ["left-over.idx", `${file}.6e1b`];
    for (const name of leftOver) writeFileSync(`${packsDir}/${name}`, "old");
    expect(await reopened()).toEqual(content);
    for (const name of leftOver) expect(readdirSync(packsDir)).not.toContain(name);
    rmSync(packsDir, { recursive: true });
    expect(await reopened()).toEqual(content);
  });

  test("is not disturbed by merges while files are fetched", async () => {
    const s3 = new MemoryS3();
    const { store, log } = await openNode(s3.bucket());
    await push(store, 0, 5);
    await log.merge();
    const other = await openNode(s3.bucket());
    s3.fault = (_, key) => (key.endsWith(".idx") ? { kind: "delay", ms: 1 } : undefined);
    for (let round = 0; round < 10; round++) {
      await push(store, 5 + round, 1);
      await log.merge();
      const reads = [contentOf(other.store), other.log.verify(async () => true)] as const;
      await other.log.merge();
      expect((await Promise.all(reads))[1]).toEqual([]);
    }
  });

  test("reads a large object, and many of a pack, from a pack whole", async () => {
    const s3 = new MemoryS3();
    const { log } = await openNode(s3.bucket());
    const large = nameObject("blob", randomBytes(3 * 1024 * 1024));
    const many = Array.from({ length: 200 }, () => nameObject("blob", randomBytes(20_000)));
    await log.put([large, ...many]);
    await log.merge();
    const other = await openNode(s3.bucket());
    for (const { id, body } of [large, ...many])
      expect(Buffer.compare((await other.log.get(id))?.body ?? new Uint8Array(), body)).toBe(0);
    expect(await other.log.has(nameObject("blob", randomBytes(5)).id)).toBe(false);
  });
});

describe("the records of a merged log", () => {
  test("lead to the same links from the first one, from any entry, and from beyond the end", async () => {
    const s3 = new MemoryS3();
    const { log } = await openNode(s3.bucket());
    const known: { after: number; links: Set<string> }[] = [];
    for (let i = 0; i < 12; i++) {
      await log.record([
        record("link", `${i}`),
        record(i % 3 === 0 ? "unlink" : "link", `${Math.floor(i / 2)}`),
      ]);
      known.push({ after: log.last, links: (await linksOf(log)).links });
      if (i % 4 === 3) await log.merge();
    }
    const expected = [...(await linksOf(log)).links].toSorted();
    const other = await openNode(s3.bucket());
    for (const { after, links } of [...known, { after: 99, links: new Set(["wrong"]) }]) {
      const copy = new Set(links);
      await linksOf(other.log, after, copy);
      expect([...copy].toSorted()).toEqual(expected);
    }
  });
});
