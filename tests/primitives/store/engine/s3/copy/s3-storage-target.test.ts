import { expect, test } from "bun:test";
import { type Digest, digestOf } from "../../../../../../src/primitives/digest.ts";
import type { DatedLink } from "../../../../../../src/primitives/store/engine/links.ts";
import { checkBucket } from "../../../../../../src/primitives/store/engine/s3/bucket-check.ts";
import { S3Blobs } from "../../../../../../src/primitives/store/engine/s3/content/s3-blobs.ts";
import { S3StorageTarget } from "../../../../../../src/primitives/store/engine/s3/copy/s3-storage-target.ts";
import type { S3LogRecord } from "../../../../../../src/primitives/store/engine/s3/log/log-entry.ts";
import { StoreLog } from "../../../../../../src/primitives/store/engine/s3/log/store-log.ts";
import type { StoreHistory } from "../../../../../../src/primitives/store/engine/storage-target.ts";
import { type NamedObject, nameObject } from "../../../../../../src/primitives/store/git/object.ts";
import { MemoryS3 } from "../../../../../support/memory-s3.ts";
import { temporaryDirectory } from "../../../../../support/temporary-directory.ts";

const STORE = "everlock-oci-local";
const FROM = "/var/lib/everlock";

async function* each<T>(...items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

const commit = (text: string) => nameObject("commit", Buffer.from(text));

function history(
  groups: readonly (readonly NamedObject[])[],
  links: readonly DatedLink[][] = [],
): StoreHistory {
  const head = groups.at(-1)?.at(-1)?.id;
  return { head, otherRefs: new Map(), objects: each(...groups), links: each(...links) };
}

const openLog = (store: MemoryS3) =>
  StoreLog.open(store.bucket(), STORE, { node: "node", localDir: temporaryDirectory() });

test("a copied history is a checkpoint that a node starts from and goes on with", async () => {
  const store = new MemoryS3();
  const target = await S3StorageTarget.begin(store.bucket(), FROM);
  const [first, second] = [commit("first"), commit("second")];
  await (await target.store(STORE, true)).putHistory(history([[first], [second]]));
  await target.finish();
  await checkBucket(store.bucket());
  const log = await openLog(store);
  expect(log.head).toBe(second.id);
  expect((await Array.fromAsync(log.list())).flat().sort()).toEqual([first.id, second.id].sort());
  const next = commit("next");
  const move = {
    objects: [next],
    expected: second.id,
    next: next.id,
    isFollowed: false,
    stored: () => undefined,
  };
  expect(await log.publish(move)).toBe(true);
  expect((await log.merge()).merged).toBe(1);
  await log.close();
  const again = await openLog(store);
  expect([again.head, Buffer.from((await again.get(first.id))?.body ?? []).toString()]).toEqual([
    next.id,
    "first",
  ]);
  await again.close();
});

test("all links of a copy are handed to a node, however many there are, with their times", async () => {
  const store = new MemoryS3();
  const target = await S3StorageTarget.begin(store.bucket(), FROM, 100);
  const digest = digestOf(Buffer.from("layer"));
  const links = Array.from({ length: 250 }, (_, i) => ({ scope: `app-${i}`, digest, linkedAt: i }));
  const pages = Array.from({ length: 25 }, (_, i) => links.slice(i * 10, (i + 1) * 10));
  await (await target.store(STORE, true)).putHistory(history([[commit("first")]], pages));
  const log = await openLog(store);
  const found = new Map<string, S3LogRecord>();
  await log.followRecords(0, {
    reset: () => expect.unreachable(),
    apply: (records) => {
      for (const record of records) found.set(record.scope, record);
    },
  });
  expect(found.size).toBe(links.length);
  expect(found.get("app-249")).toEqual({ kind: "link", scope: "app-249", digest, seconds: 249 });
  await log.close();
});

test("of two copies to a bucket the later one goes on: the other one neither finishes nor replaces a history", async () => {
  const store = new MemoryS3();
  const first = await S3StorageTarget.begin(store.bucket(), FROM);
  const firstStore = await first.store(STORE, false);
  async function* whileSecondCopies() {
    yield [commit("old")];
    const second = await S3StorageTarget.begin(store.bucket(), FROM);
    await (await second.store(STORE, false)).putHistory(history([[commit("new")]]));
    await expect(first.checkOurs()).rejects.toThrow(
      "another 'everlock storage copy' to s3://everlock has begun",
    );
    await second.finish();
  }
  const late = firstStore.putHistory({ ...history([[commit("old")]]), objects: whileSecondCopies() });
  await expect(late).rejects.toThrow("another 'everlock storage copy'");
  await expect(first.finish()).rejects.toThrow("another 'everlock storage copy'");
  const log = await openLog(store);
  expect(log.head).toBe(commit("new").id);
  await log.close();
});

test("bytes that a killed copy has left are deleted at the end, those of blobs stay", async () => {
  const store = new MemoryS3();
  const bucket = store.bucket();
  await (await S3StorageTarget.begin(bucket, FROM)).store(STORE, true);
  const bytes = new Uint8Array(Buffer.from("a large layer"));
  const digest = digestOf(bytes);
  const nameOf = (of: Digest, nonce: string) => `copied.${of.replace(":", "-")}.${nonce}`;
  const keyOf = (name: string) => `stores/${STORE}/data/${name}`;
  const [used, unused] = [nameOf(digest, "1"), nameOf(digest, "2")];
  const gone = nameOf(digestOf(Buffer.from("never placed")), "3");
  for (const name of [used, unused, gone]) await bucket.put(keyOf(name), bytes);
  const blobs = new S3Blobs({ bucket, store: STORE, onDamage: () => expect.unreachable() });
  await blobs.place(digest, [{ name: used, size: bytes.length }]);
  const resumed = await S3StorageTarget.begin(bucket, FROM);
  await (await resumed.store(STORE, true)).putHistory(history([[commit("first")]]));
  await resumed.finish();
  expect([...store.objects.keys()].filter((key) => key.includes("/data/"))).toEqual([keyOf(used)]);
  expect(await blobs.check(digest)).toBe("sound");
});

test("a layout whose write is lost or not answered is written all the same", async () => {
  const store = new MemoryS3();
  let isTrouble = true;
  store.fault = (method, key) => {
    if (method !== "PUT" || key !== "everlock.json" || !isTrouble) return undefined;
    isTrouble = false;
    return { kind: "lose", status: 500 };
  };
  const target = await S3StorageTarget.begin(store.bucket(), FROM);
  isTrouble = true;
  await target.finish();
  await checkBucket(store.bucket());
});
