import { afterEach, expect, setSystemTime, test } from "bun:test";
import { digestOf } from "../../../../../../src/primitives/digest.ts";
import { bodyOf } from "../../../../../support/body-of.ts";
import { eventually } from "../../../../../support/eventually.ts";
import { type Fault, MemoryS3 } from "../../../../../support/memory-s3.ts";
import { randomBytes } from "../../../../../support/random-bytes.ts";
import { contentEngine } from "../../../../../support/s3-content.ts";
import { openContent, SCOPE } from "../../../contract/engines.ts";

/** Too much for the object of a session: it becomes a data object. */
const BYTES = randomBytes(1_000_000);
const LAST = randomBytes(500_000);
const WHOLE = Buffer.concat([BYTES, LAST]);
const DIGEST = digestOf(WHOLE);
const MINUTE_MS = 60_000;

function openNode(store: MemoryS3) {
  return openContent(contentEngine(store.bucket({ maxAttempts: 2, pauseMs: 1 })));
}

type Node = Awaited<ReturnType<typeof openNode>>;
type Id = Awaited<ReturnType<Node["begin"]>>["id"];

const isBlob = (key: string) => key.includes("/blobs/");
const isSession = (key: string) => key.includes("/uploads/");

async function find(node: Node, id: Id) {
  const upload = await node.uploads.find(id, SCOPE);
  if (!upload) throw new Error("there is no such session");
  return upload;
}

async function end(node: Node, id: Id, last: Uint8Array, recorded?: Promise<unknown>) {
  const upload = await find(node, id);
  return node.uploads.exclusively(id, async () => {
    const appended = await node.uploads.append(upload, bodyOf(last), true);
    if (appended.kind !== "appended") return appended;
    return node.uploads.finish({ ...upload, size: appended.size }, DIGEST, recorded);
  });
}

async function bytesOf(node: Node) {
  const opened = await node.blobs.open(DIGEST);
  if (!opened) throw new Error("the blob is absent");
  return Buffer.from(await Bun.readableStreamToBytes(opened.stream()));
}

function later(store: MemoryS3, ms: number): void {
  store.now = () => new Date(Date.now() + ms);
}

afterEach(() => {
  setSystemTime();
});

/** A session that a node hangs at, after it has marked the session as ending and before it makes the blob. */
async function hungAtTheEnd(store: MemoryS3) {
  const [hung, other] = [await openNode(store), await openNode(store)];
  const { id } = await hung.begin();
  await hung.uploads.append(await find(hung, id), bodyOf(BYTES));
  const [reached, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let isFirst = true;
  store.fault = (method, key): Fault | undefined => {
    if (method !== "PUT" || !isBlob(key) || !isFirst) return undefined;
    isFirst = false;
    reached.resolve();
    return { kind: "held", until: released.promise };
  };
  const ended = end(hung, id, LAST);
  // A test that does not release it stops the store.
  ended.catch(() => undefined);
  await reached.promise;
  return { hung, other, id, ended, release: released.resolve };
}

test("an upload that a node was killed at while it made the blob is ended by another node, with what was acknowledged", async () => {
  const store = new MemoryS3();
  const { other, id } = await hungAtTheEnd(store);
  later(store, MINUTE_MS);
  expect((await find(other, id)).size).toBe(BYTES.length);
  expect(await end(other, id, LAST)).toMatchObject({ kind: "stored", size: WHOLE.length });
  expect((await bytesOf(other)).equals(WHOLE)).toBe(true);
});

test("an upload that was taken over takes further chunks, and is the same blob when the first node made it meanwhile", async () => {
  const store = new MemoryS3();
  const { hung, other, id, ended, release } = await hungAtTheEnd(store);
  later(store, MINUTE_MS);
  await other.uploads.append(await find(other, id), bodyOf(LAST.subarray(0, 300_000)));
  release();
  expect(await ended).toMatchObject({ kind: "stored" });
  // The node that hung has lost the session: it removes nothing of it.
  expect((await find(other, id)).size).toBe(BYTES.length + 300_000);
  expect((await bytesOf(hung)).equals(WHOLE)).toBe(true);
  expect(await end(other, id, LAST.subarray(300_000))).toMatchObject({ kind: "stored" });
  const isTidy = () => ![...store.objects.keys()].some(isSession);
  expect(await eventually(async () => isTidy())).toBe(true);
  expect((await bytesOf(await openNode(store))).equals(WHOLE)).toBe(true);
});

test("a node that hung for a quarter of an hour while it ended an upload makes no blob any more", async () => {
  const store = new MemoryS3();
  const node = await openNode(store);
  const { id } = await node.begin();
  store.fault = (method, key) => {
    if (method === "PUT" && isSession(key)) setSystemTime(Date.now() + 16 * MINUTE_MS);
    return undefined;
  };
  await expect(end(node, id, WHOLE)).rejects.toThrow();
  expect(await node.blobs.stat(DIGEST)).toBeUndefined();
});

test("a request waits for a node that ends an upload, and finds no upload then", async () => {
  const store = new MemoryS3();
  const { other, id, ended, release } = await hungAtTheEnd(store);
  const found = other.uploads.find(id, SCOPE);
  release();
  expect(await ended).toMatchObject({ kind: "stored" });
  expect(await found).toBeUndefined();
});

test("an upload whose blob no repository has yet can be ended once more by another node", async () => {
  const store = new MemoryS3();
  const [node, other] = [await openNode(store), await openNode(store)];
  const { id } = await node.begin();
  const notRecorded = Promise.reject(new Error("killed"));
  notRecorded.catch(() => undefined);
  expect(await end(node, id, WHOLE, notRecorded)).toMatchObject({ kind: "stored" });
  later(store, MINUTE_MS);
  expect(await end(other, id, WHOLE)).toMatchObject({ kind: "stored" });
  expect((await bytesOf(other)).equals(WHOLE)).toBe(true);
});
