import { describe, expect, test } from "bun:test";
import { digestOf } from "../../../../../../src/primitives/digest.ts";
import type { S3Bucket } from "../../../../../../src/primitives/s3/s3-bucket.ts";
import type { BranchMove } from "../../../../../../src/primitives/store/engine/branch.ts";
import type { Moment } from "../../../../../../src/primitives/store/engine/s3/log/log-clock.ts";
import type { S3LogRecord } from "../../../../../../src/primitives/store/engine/s3/log/log-entry.ts";
import { StoreLog } from "../../../../../../src/primitives/store/engine/s3/log/store-log.ts";
import { nameObject } from "../../../../../../src/primitives/store/git/object.ts";
import type { ObjectId } from "../../../../../../src/primitives/store/git/object-id.ts";
import { MemoryS3 } from "../../../../../support/memory-s3.ts";
import { bucketAt, startS3Server } from "../../../../../support/s3-server.ts";
import { temporaryDirectory } from "../../../../../support/temporary-directory.ts";
import { describeWith } from "../../../../../support/tools.ts";

const STORE = "app";
const ENTRY = /^stores\/app\/log\/\d{16}$/;

function moveTo(text: string, expected: ObjectId | undefined): BranchMove {
  const made = nameObject("commit", Buffer.from(text));
  return { objects: [made], expected, next: made.id, isFollowed: false, stored: () => undefined };
}

function link(scope: string): S3LogRecord {
  return { kind: "link", scope, digest: digestOf(Buffer.from(scope)), seconds: 1 };
}

let nodes = 0;
const openLog = (bucket: S3Bucket, clock?: () => Moment) =>
  StoreLog.open(bucket, STORE, {
    node: `node-${++nodes}`,
    localDir: temporaryDirectory(),
    ...(clock && { clock }),
  });

/** Moves the branch on, whoever moves it meanwhile, and answers the commit. */
async function advance(log: StoreLog, text: string): Promise<ObjectId> {
  for (;;) {
    const move = moveTo(text, log.head);
    if (await log.publish(move)) return move.next;
  }
}

/** The commits that the branch was moved to, in the order of the log, as a new node reads it. */
async function historyOf(bucket: S3Bucket): Promise<ObjectId[]> {
  const log = await openLog(bucket);
  const history: ObjectId[] = [];
  for (let number = 1; number <= log.last; number++) {
    const entry = await log.entry(number);
    if (entry?.move) history.push(entry.move.next);
  }
  return history;
}

/** Many nodes move the branch at once; each acknowledged move is in the history once. */
async function expectOneHistory(newBucket: () => S3Bucket, count: number, moves: number): Promise<void> {
  const logs = await Promise.all(Array.from({ length: count }, () => openLog(newBucket())));
  const acknowledged = await Promise.all(
    logs.map(async (log, node) => {
      const made: ObjectId[] = [];
      for (let i = 0; i < moves; i++) made.push(await advance(log, `${node}: ${i}`));
      return made;
    }),
  );
  const history = await historyOf(newBucket());
  expect(history.toSorted()).toEqual(acknowledged.flat().toSorted());
  for (const made of acknowledged) expect(history.filter((id) => made.includes(id))).toEqual(made);
  for (const log of logs) {
    await log.refresh();
    expect(log.head).toBe(history.at(-1));
  }
}

describeWith(["versitygw"], "the log of a store on a real server", () => {
  test("has each move of 16 nodes that append at once exactly once, in the order of each node", async () => {
    const location = await startS3Server();
    await expectOneHistory(() => bucketAt(location), 16, 3);
  }, 60_000);

  test("refuses an entry whose signature is older than 15 minutes, so that a node that hung can't create it", async () => {
    const bucket = bucketAt(await startS3Server());
    const signedAt = new Date(Date.now() - 16 * 60 * 1000);
    const put = bucket.put("late", new Uint8Array(1), { condition: { absent: true }, signedAt });
    await expect(put).rejects.toThrow(/clock|15 minutes|skew/i);
    expect(await bucket.read("late")).toBeUndefined();
  });
});

describe("the log of a store", () => {
  test("of many nodes that append at once has each move once, though answers are lost and requests fail", async () => {
    const s3 = new MemoryS3();
    let requests = 0;
    s3.fault = (method, key) => {
      if (!ENTRY.test(key)) return undefined;
      requests++;
      if (method === "PUT" && requests % 5 === 0) return { kind: "lose", status: 500 };
      if (method === "PUT" && requests % 7 === 0) return { kind: "refuse", status: 503 };
      return requests % 11 === 0 ? { kind: "delay", ms: 5 } : undefined;
    };
    await expectOneHistory(() => s3.bucket({ pauseMs: 1 }), 8, 5);
  }, 30_000);

  test("acknowledges a write whose answer was lost, and has it once", async () => {
    const s3 = new MemoryS3();
    const log = await openLog(s3.bucket());
    s3.fault = (method, key) =>
      method === "PUT" && ENTRY.test(key) ? { kind: "lose", status: 500 } : undefined;
    const move = moveTo("a", undefined);
    expect(await log.publish(move)).toBe(true);
    s3.fault = () => undefined;
    expect(await historyOf(s3.bucket())).toEqual([move.next]);
  });

  test("writes again what was not written, and reports a failure that lasts", async () => {
    const s3 = new MemoryS3();
    const log = await openLog(s3.bucket({ pauseMs: 1 }));
    let failures = 2;
    s3.fault = (method) => (method === "PUT" && failures-- > 0 ? { kind: "refuse", status: 503 } : undefined);
    const first = moveTo("a", undefined);
    expect(await log.publish(first)).toBe(true);
    failures = Number.POSITIVE_INFINITY;
    await expect(log.publish(moveTo("b", first.next))).rejects.toThrow("503");
    failures = 0;
    expect(await log.publish(moveTo("c", first.next))).toBe(true);
  });

  test("takes in an entry whose writer had given up, as a move by somebody else", async () => {
    const s3 = new MemoryS3();
    const log = await openLog(s3.bucket({ pauseMs: 1, maxAttempts: 1 }));
    s3.fault = (method) =>
      method === "PUT" ? { kind: "lose", status: 500 } : { kind: "refuse", status: 503 };
    const move = moveTo("a", undefined);
    await expect(log.publish(move)).rejects.toThrow("503");
    s3.fault = () => undefined;
    const moved = Promise.withResolvers<void>();
    log.onMoved(moved.resolve);
    await log.refresh();
    await moved.promise;
    expect(log.head).toBe(move.next);
    expect(await log.publish(moveTo("b", move.next))).toBe(true);
  });

  test("refuses a move from where the branch is not, with one request at most", async () => {
    const s3 = new MemoryS3();
    const [here, there] = [await openLog(s3.bucket()), await openLog(s3.bucket())];
    const first = await advance(here, "a");
    expect(await there.publish(moveTo("b", undefined))).toBe(false);
    expect(there.head).toBe(first);
    expect(await there.publish(moveTo("c", first))).toBe(true);
  });

  test("keeps the objects of its entries, also those that are no longer in memory", async () => {
    const s3 = new MemoryS3();
    const log = await openLog(s3.bucket());
    const large = Array.from({ length: 3 }, (_, i) =>
      nameObject("blob", Buffer.from(`${i}`.repeat(30 * 1024 * 1024))),
    );
    for (const object of large) await log.put([object]);
    for (const { id, body } of large) {
      const found = await log.get(id);
      expect(Buffer.compare(found?.body ?? new Uint8Array(), body)).toBe(0);
    }
  });

  test("refuses to go on where an entry is damaged", async () => {
    const s3 = new MemoryS3();
    await advance(await openLog(s3.bucket()), "a");
    for (const { bytes } of s3.objects.values()) bytes[20] = (bytes[20] ?? 0) ^ 1;
    await expect(openLog(s3.bucket())).rejects.toThrow("its content does not match its checksum");
  });
});

describe("records of the log", () => {
  test("reach the listeners of all nodes in one order, before they are acknowledged", async () => {
    const s3 = new MemoryS3();
    const logs = await Promise.all(Array.from({ length: 4 }, () => openLog(s3.bucket())));
    const seen = logs.map((log) => {
      const scopes: string[] = [];
      void log.followRecords(0, {
        reset: () => scopes.splice(0),
        apply: (records) => scopes.push(...records.map(({ scope }) => scope)),
      });
      return scopes;
    });
    await Promise.all(
      logs.map(async (log, node) => {
        for (let i = 0; i < 5; i++) {
          await log.record([link(`${node}-${i}`)]);
          expect(seen[node]).toContain(`${node}-${i}`);
        }
      }),
    );
    for (const log of logs) await log.refresh();
    for (const scopes of seen) expect(scopes).toEqual(seen[0] ?? []);
    expect(seen[0]).toHaveLength(20);
  });

  test("of many callers at once go into one entry, together with a move", async () => {
    const s3 = new MemoryS3();
    const log = await openLog(s3.bucket());
    const before = s3.requests.length;
    const move = moveTo("a", undefined);
    const records = Array.from({ length: 50 }, (_, i) => log.record([link(`scope ${i}`)]));
    expect(await log.publish(move)).toBe(true);
    await Promise.all(records);
    expect(s3.requests.slice(before)).toEqual([expect.stringMatching(/^PUT .*0001$/)]);
    expect((await log.entry(1))?.records).toHaveLength(50);
  });

  test("go into the log though the move beside them is refused", async () => {
    const s3 = new MemoryS3();
    const [here, there] = [await openLog(s3.bucket()), await openLog(s3.bucket())];
    await advance(here, "a");
    const recorded = there.record([link("scope")]);
    expect(await there.publish(moveTo("b", undefined))).toBe(false);
    await recorded;
    expect((await there.entry(2))?.records).toEqual([link("scope")]);
  });

  test("that a listener can't take in come again", async () => {
    const s3 = new MemoryS3();
    const [here, there] = [await openLog(s3.bucket()), await openLog(s3.bucket())];
    let calls = 0;
    const apply = () => {
      if (++calls === 1) throw new Error("the disk is full");
    };
    await there.followRecords(0, { reset: () => undefined, apply });
    await here.record([link("scope")]);
    await expect(there.refresh()).rejects.toThrow("the disk is full");
    expect(there.last).toBe(0);
    await there.refresh();
    expect([there.last, calls]).toEqual([1, 2]);
  });
});

describe("a refresh of the log", () => {
  test("is one request for all who ask meanwhile, and begins after each of them asked", async () => {
    const s3 = new MemoryS3();
    const [here, there] = [await openLog(s3.bucket()), await openLog(s3.bucket())];
    const before = s3.requests.length;
    const gate = Promise.withResolvers<void>();
    const first = there.refresh();
    const head = await advance(here, "a");
    gate.resolve();
    await Promise.all(Array.from({ length: 100 }, () => there.refresh()));
    await first;
    expect(there.head).toBe(head);
    expect(s3.requests.length - before).toBeLessThanOrEqual(5);
  });

  test("of a node that is far behind reads many entries at once", async () => {
    const s3 = new MemoryS3();
    const [here, there] = [await openLog(s3.bucket()), await openLog(s3.bucket())];
    for (let i = 0; i < 100; i++) await here.record([link(`${i}`)]);
    let open = 0;
    let most = 0;
    s3.fault = () => {
      most = Math.max(most, ++open);
      setTimeout(() => open--, 5);
      return { kind: "delay", ms: 5 };
    };
    await there.refresh();
    expect(there.last).toBe(100);
    expect(most).toBeGreaterThan(8);
  });
});

describe("an append", () => {
  const clock = () => {
    let [monotonic, wall] = [0, Date.now()];
    const pass = (ms: { monotonic: number; wall: number }) => {
      monotonic += ms.monotonic;
      wall += ms.wall;
    };
    return { now: () => ({ monotonic, wall }), pass };
  };
  const HANGS = [
    { monotonic: 61_000, wall: 0 },
    { monotonic: 0, wall: 61_000 },
  ];

  test.each(HANGS)(
    "looks for the end of the log first if the node last saw it too long ago (%o)",
    async (passed) => {
      const s3 = new MemoryS3();
      const { now, pass } = clock();
      const log = await openLog(s3.bucket(), now);
      await advance(log, "a");
      pass(passed);
      const before = s3.requests.length;
      await advance(log, "b");
      expect(s3.requests.slice(before).map((request) => request.split(" ")[0])).toEqual(["GET", "PUT"]);
    },
  );

  test("of a node that saw the end lately is one request", async () => {
    const s3 = new MemoryS3();
    const log = await openLog(s3.bucket());
    await advance(log, "a");
    const before = s3.requests.length;
    await advance(log, "b");
    expect(s3.requests.slice(before)).toEqual([expect.stringMatching(/^PUT .*0002$/)]);
  });
});
