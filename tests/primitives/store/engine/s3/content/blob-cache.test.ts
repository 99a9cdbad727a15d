import { expect, test } from "bun:test";
import { existsSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { type Digest, digestHex, digestOf } from "../../../../../../src/primitives/digest.ts";
import { CacheCounts } from "../../../../../../src/primitives/s3/cache-counts.ts";
import { BlobCache } from "../../../../../../src/primitives/store/engine/s3/content/blob-cache.ts";
import { afterThisTest } from "../../../../../support/cleanup.ts";
import { flipBit } from "../../../../../support/flipped-bit.ts";
import { randomBytes } from "../../../../../support/random-bytes.ts";
import { temporaryDirectory } from "../../../../../support/temporary-directory.ts";

const SIZE = 1000;

function pathOf(dir: string, digest: Digest): string {
  return `${dir}/sha256/${digestHex(digest).slice(0, 2)}/${digestHex(digest)}`;
}

/** Opens a blob until it is cached, if it ever is. */
async function use(cache: BlobCache, bytes: Uint8Array, sent = bytes): Promise<Digest> {
  const digest = digestOf(bytes);
  const open = () => new Blob([new Uint8Array(sent)]).stream();
  cache.opened(digest, bytes.length, open);
  cache.opened(digest, bytes.length, open);
  await cache.idle();
  return digest;
}

test("a blob that is opened twice is a file from then on, also for the next process", async () => {
  const dir = temporaryDirectory();
  const cache = new BlobCache({ dir, capacity: 100_000 });
  const bytes = randomBytes(SIZE);
  const digest = digestOf(bytes);
  cache.opened(digest, SIZE, () => new Blob([new Uint8Array(bytes)]).stream());
  await cache.idle();
  expect(cache.get(digest)).toBeUndefined();
  await use(cache, bytes);
  const next = new BlobCache({ dir, capacity: 100_000 });
  await next.measure();
  for (const found of [cache.get(digest), next.get(digest)])
    expect([Buffer.from((await found?.file.bytes()) ?? []), found?.size]).toEqual([Buffer.from(bytes), SIZE]);
  expect([cache.used, next.used]).toEqual([SIZE, SIZE]);
});

test("bytes that are not those of the digest, or too few, are not kept", async () => {
  const dir = temporaryDirectory();
  const cache = new BlobCache({ dir, capacity: 100_000 });
  for (const sent of [randomBytes(SIZE), randomBytes(SIZE - 1)])
    expect(cache.get(await use(cache, randomBytes(SIZE), sent))).toBeUndefined();
  expect([cache.used, readdirSync(`${dir}/filling`)]).toEqual([0, []]);
});

test("the files take no more than the capacity, and those used last stay", async () => {
  const dir = temporaryDirectory();
  const cache = new BlobCache({ dir, capacity: 10 * SIZE });
  const digests: Digest[] = [];
  for (let i = 0; i < 15; i++) {
    const digest = await use(cache, randomBytes(SIZE));
    expect(cache.used).toBeLessThanOrEqual(10 * SIZE);
    // Each was used a minute after the one before.
    const used = new Date(Date.now() - (60 - i) * 60_000);
    utimesSync(pathOf(dir, digest), used, used);
    digests.push(digest);
  }
  const [first, last] = [digests.at(0), digests.at(-1)];
  if (!first || !last) return;
  expect([existsSync(pathOf(dir, first)), existsSync(pathOf(dir, last))]).toEqual([false, true]);
  expect(cache.get(await use(cache, randomBytes(6 * SIZE)))).toBeUndefined();
});

test("a file that the disk has damaged is not served", async () => {
  const dir = temporaryDirectory();
  const digest = await use(new BlobCache({ dir, capacity: 100_000 }), randomBytes(SIZE));
  flipBit(pathOf(dir, digest), 0, 0);
  const next = new BlobCache({ dir, capacity: 100_000 });
  expect([next.get(digest), existsSync(pathOf(dir, digest))]).toEqual([undefined, false]);
});

test("what a kill has left half filled is deleted, and a smaller capacity keeps fewer files", async () => {
  const dir = temporaryDirectory();
  const cache = new BlobCache({ dir, capacity: 100_000 });
  for (let i = 0; i < 5; i++) await use(cache, randomBytes(SIZE));
  writeFileSync(`${dir}/filling/${crypto.randomUUID()}`, "half");
  const next = new BlobCache({ dir, capacity: 2 * SIZE });
  await next.measure();
  expect(readdirSync(`${dir}/filling`)).toEqual([]);
  expect(next.used).toBeLessThanOrEqual(2 * SIZE);
});

test("a directory that another server uses is refused, and free again when that server ends", async () => {
  const dir = temporaryDirectory();
  const module = new URL("../../../../../../src/primitives/sqlite/file-lock.ts", import.meta.url).pathname;
  const script = `
    const { FileLock } = await import(${JSON.stringify(module)});
    const lock = new FileLock(${JSON.stringify(`${dir}/everlock.lock`)});
    console.log("locked");
    for await (const _ of Bun.stdin.stream()) lock.release();`;
  const other = Bun.spawn([process.execPath, "-e", script], { stdin: "pipe", stdout: "pipe" });
  afterThisTest(() => other.kill("SIGKILL"));
  for await (const _ of other.stdout) break;
  const cache = new BlobCache({ dir, capacity: 100_000 });
  await expect(cache.measure()).rejects.toThrow(
    `the cache directory ${dir} is used by another server; give each node one of its own`,
  );
  other.kill("SIGKILL");
  await other.exited;
  await cache.measure();
});

test("files that are none of the cache's are neither deleted nor counted", async () => {
  const dir = temporaryDirectory();
  const cache = new BlobCache({ dir, capacity: 4 * SIZE });
  const foreign = [`${dir}/sha256/ab/notes.txt`, `${dir}/filling/notes.txt`, `${dir}/notes.txt`];
  for (const path of foreign) writeFileSync(path, "x".repeat(10 * SIZE));
  await cache.measure();
  for (let i = 0; i < 5; i++) await use(cache, randomBytes(SIZE));
  expect([cache.used > 0, foreign.map((path) => existsSync(path))]).toEqual([true, [true, true, true]]);
});

test("threads that share a cache count its bytes together", async () => {
  const shared = { dir: temporaryDirectory(), capacity: 100_000, counts: CacheCounts.memory() };
  const [one, other] = [new BlobCache(shared), new BlobCache(shared)];
  const bytes = randomBytes(SIZE);
  const digest = await use(one, bytes);
  await use(other, bytes);
  expect([one.used, other.used]).toEqual([SIZE, SIZE]);
  other.remove(digest);
  expect([one.used, one.get(digest)]).toEqual([0, undefined]);
});

test("a directory that can't be made is named", () => {
  const file = `${temporaryDirectory()}/file`;
  writeFileSync(file, "");
  expect(() => new BlobCache({ dir: file, capacity: SIZE })).toThrow(
    `the cache directory ${file} can't be used`,
  );
});
