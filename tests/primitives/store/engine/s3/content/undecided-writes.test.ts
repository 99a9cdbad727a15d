import { expect, test } from "bun:test";
import { digestOf } from "../../../../../../src/primitives/digest.ts";
import { bodyOf } from "../../../../../support/body-of.ts";
import { eventually } from "../../../../../support/eventually.ts";
import { type Fault, MemoryS3 } from "../../../../../support/memory-s3.ts";
import { randomBytes } from "../../../../../support/random-bytes.ts";
import { contentEngine } from "../../../../../support/s3-content.ts";
import { openContent, SCOPE } from "../../../contract/engines.ts";

/** Too much for the object of a session: it becomes a data object. */
const BYTES = randomBytes(1_000_000);
const DIGEST = digestOf(BYTES);

function openNode(store: MemoryS3) {
  return openContent(contentEngine(store.bucket({ maxAttempts: 2, pauseMs: 1 })));
}

type Node = Awaited<ReturnType<typeof openNode>>;

async function findUpload(node: Node, id: Awaited<ReturnType<Node["begin"]>>["id"]) {
  const upload = await node.uploads.find(id, SCOPE);
  if (!upload) throw new Error("there is no such session");
  return upload;
}

async function bytesOf(node: Node) {
  const opened = await node.blobs.open(DIGEST);
  if (!opened) throw new Error("the blob is absent");
  return Buffer.from(await Bun.readableStreamToBytes(opened.stream()));
}

const isSession = (key: string) => key.includes("/uploads/");

/** Loses the response of the session's next write, and whatever asks the store about it then. */
function loseNextSessionWrite(store: MemoryS3): void {
  let isLost = false;
  store.fault = (method, key): Fault | undefined => {
    if (!isSession(key)) return undefined;
    if (isLost) return { kind: "refuse", status: 503 };
    if (method !== "PUT") return undefined;
    isLost = true;
    return { kind: "lose", status: 503 };
  };
}

test("an upload keeps bytes that its session may name, where the response to the session's write is lost", async () => {
  const store = new MemoryS3();
  const [node, other] = [await openNode(store), await openNode(store)];
  const { id } = await node.begin();
  const upload = await findUpload(node, id);
  loseNextSessionWrite(store);
  await expect(node.uploads.append(upload, bodyOf(BYTES))).rejects.toThrow();
  store.fault = () => undefined;
  const found = await findUpload(other, id);
  expect(found.size).toBe(BYTES.length);
  expect((await other.uploads.finish(found, DIGEST)).kind).toBe("stored");
  expect((await bytesOf(other)).equals(BYTES)).toBe(true);
});

test("an upload keeps the bytes of a last chunk with a wrong digest, where the response to the session's write is lost", async () => {
  const store = new MemoryS3();
  const [node, other] = [await openNode(store), await openNode(store)];
  const { id } = await node.begin();
  const wrong = digestOf(Buffer.from("other"));
  const ended = node.uploads.exclusively(id, async () => {
    const upload = await findUpload(node, id);
    await node.uploads.append(upload, bodyOf(BYTES), true);
    loseNextSessionWrite(store);
    return node.uploads.finish({ ...upload, size: BYTES.length }, wrong);
  });
  await expect(ended).rejects.toThrow();
  store.fault = () => undefined;
  const found = await findUpload(other, id);
  expect((await other.uploads.finish(found, DIGEST)).kind).toBe("stored");
  expect((await bytesOf(other)).equals(BYTES)).toBe(true);
});

test("the writes of an upload that the HTTP client sends twice count as done", async () => {
  const store = new MemoryS3();
  const node = await openNode(store);
  store.fault = (method) => (method === "PUT" ? { kind: "twice" } : undefined);
  const { id } = await node.begin();
  expect(await node.uploads.append(await findUpload(node, id), bodyOf(BYTES))).toMatchObject({
    kind: "appended",
  });
  expect((await node.uploads.finish(await findUpload(node, id), DIGEST)).kind).toBe("stored");
  expect((await bytesOf(node)).equals(BYTES)).toBe(true);
  expect(await node.blobs.remove(DIGEST, () => true)).toBe(true);
  expect(await node.blobs.stat(DIGEST)).toBeUndefined();
  const isEmpty = () => [...store.objects.keys()].every((key) => !/\/(blobs|data)\//.test(key));
  expect(await eventually(async () => isEmpty())).toBe(true);
});

test("the creation of an upload that is done late, after another attempt, does not undo what was written since", async () => {
  const store = new MemoryS3();
  const node = await openNode(store);
  const late = Promise.withResolvers<void>();
  let isFirst = true;
  store.fault = (method, key) => {
    if (method !== "PUT" || !isSession(key) || !isFirst) return undefined;
    isFirst = false;
    return { kind: "late", status: 503, done: late.promise };
  };
  const { id } = await node.begin();
  await node.uploads.append(await findUpload(node, id), bodyOf(BYTES));
  late.resolve();
  await Bun.sleep(0);
  expect((await findUpload(await openNode(store), id)).size).toBe(BYTES.length);
});

test("the deletion of a blob is sent once, and the blob can't be pushed while it may still be done", async () => {
  const store = new MemoryS3();
  const [collector, node] = [await openNode(store), await openNode(store)];
  await node.push(BYTES);
  const isDeletion = (method: string, key: string) => method === "DELETE" && key.includes("/blobs/");
  store.fault = (method, key) => (isDeletion(method, key) ? { kind: "refuse", status: 503 } : undefined);
  expect(await collector.blobs.remove(DIGEST, () => true)).toBe(false);
  store.fault = () => undefined;
  expect(store.requests.filter((request) => /^DELETE .*\/blobs\//.test(request)).length).toBe(1);
  store.now = () => new Date(Date.now() + 16 * 60_000);
  expect(await collector.blobs.remove(DIGEST, () => true)).toBe(false);
  expect(store.requests.filter((request) => /^DELETE .*\/blobs\//.test(request)).length).toBe(1);
  store.now = () => new Date(Date.now() + 21 * 60_000);
  await node.push(BYTES);
  expect((await bytesOf(node)).equals(BYTES)).toBe(true);
});

test("a blob whose deletion was done, and the response lost, is gone and can be pushed at once", async () => {
  const store = new MemoryS3();
  const [collector, node] = [await openNode(store), await openNode(store)];
  await node.push(BYTES);
  store.fault = (method) => (method === "DELETE" ? { kind: "lose", status: 503 } : undefined);
  expect(await collector.blobs.remove(DIGEST, () => true)).toBe(true);
  store.fault = () => undefined;
  await node.push(BYTES);
  expect((await bytesOf(node)).equals(BYTES)).toBe(true);
});
