import { expect, test } from "bun:test";
import { closeSync, fstatSync, openSync, readdirSync, utimesSync } from "node:fs";
import { digestOf } from "../../../../../src/primitives/digest.ts";
import { nextTurn } from "../../../../../src/primitives/jobs/next-turn.ts";
import { SessionCounts } from "../../../../../src/primitives/store/blobs/session-counts.ts";
import { LocalUploadLocks } from "../../../../../src/primitives/store/blobs/upload-locks.ts";
import { removeFetchLeftovers } from "../../../../../src/primitives/store/engine/local/fetch-leftovers.ts";
import { LocalBlobs } from "../../../../../src/primitives/store/engine/local/local-blobs.ts";
import { LocalUploads } from "../../../../../src/primitives/store/engine/local/local-uploads.ts";
import type { UploadId } from "../../../../../src/primitives/store/engine/upload-id.ts";
import type { Upload, UploadStore } from "../../../../../src/primitives/store/engine/uploads.ts";
import { begun } from "../../../../support/begun-upload.ts";
import { randomBytes } from "../../../../support/random-bytes.ts";
import { temporaryDirectory } from "../../../../support/temporary-directory.ts";

const HOUR_MS = 60 * 60 * 1000;

async function open() {
  const dir = temporaryDirectory();
  const blobs = await LocalBlobs.open(`${dir}/blobs`, () => undefined);
  return {
    dir: `${dir}/uploads`,
    blobs,
    uploads: new LocalUploads(`${dir}/uploads`, blobs, new LocalUploadLocks()),
  };
}

async function found(uploads: UploadStore, id: UploadId): Promise<Upload> {
  return (await uploads.find(id, "app")) ?? raise();
}

/** The file of a session. */
const fileOf = (dir: string, { id, algorithm, scope }: Upload) => `${dir}/${id}.${algorithm}.${scope}`;

function raise(): never {
  throw new Error("there is no such upload");
}

/** Copies: the store frees what it has taken in. */
async function* chunks(...parts: Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) {
    yield part.slice();
    await nextTurn();
  }
}

test("a session is hashed as it arrives, or from its file where it went on elsewhere", async () => {
  const { dir, blobs, uploads } = await open();
  const bytes = randomBytes(3_000_000);
  for (const algorithm of ["sha256", "sha512"] as const) {
    for (const other of [uploads, new LocalUploads(dir, blobs, new LocalUploadLocks())]) {
      const id = await begun(uploads, algorithm);
      const upload = () => found(uploads, id);
      await uploads.append(await upload(), chunks(bytes.slice(0, 1_000_000)));
      await other.append(await upload(), chunks(bytes.slice(1_000_000, 2_000_000), bytes.slice(2_000_000)));
      const digest = digestOf(bytes, algorithm);
      expect(await uploads.finish(await upload(), digest)).toMatchObject({
        kind: "stored",
        size: bytes.length,
      });
      expect(digestOf((await blobs.read(digest)) ?? raise(), algorithm)).toBe(digest);
    }
  }
  expect(readdirSync(dir)).toEqual([]);
});

test("a body that breaks off is kept as far as it came", async () => {
  const { uploads } = await open();
  const id = await begun(uploads);
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield Buffer.from("hello");
    throw new Error("the connection was closed");
  }
  expect(await uploads.append(await found(uploads, id), broken())).toEqual({ kind: "interrupted" });
  expect((await found(uploads, id)).size).toBe(5);
  expect(await uploads.find(id, "other")).toBeUndefined();
});

test("sessions that nobody went on with expire, and no others", async () => {
  const { dir, uploads } = await open();
  const [old, young, busy] = await Promise.all([0, 1, 2].map(() => begun(uploads)));
  if (!old || !young || !busy) throw new Error("no session");
  for (const id of [old, busy]) utimesSync(fileOf(dir, await found(uploads, id)), 0, 0);
  await Bun.write(`${dir}/foreign`, "");
  await uploads.exclusively(busy, async () => {
    expect(await uploads.expire(HOUR_MS)).toBe(1);
  });
  expect(
    (await Promise.all([old, young, busy].map((id) => uploads.find(id, "app")))).map((upload) => upload?.id),
  ).toEqual([undefined, young, busy]);
  expect(readdirSync(dir)).toContain("foreign");
});

test("an empty session expires sooner than one that holds something", async () => {
  const { dir, blobs, uploads } = await open();
  const [empty, held] = [await begun(uploads), await begun(uploads)];
  await uploads.append(await found(uploads, held), chunks(randomBytes(10)));
  const twoHoursAgo = Date.now() / 1000 - 7200;
  for (const id of [empty, held]) utimesSync(fileOf(dir, await found(uploads, id)), twoHoursAgo, twoHoursAgo);
  const restarted = new LocalUploads(dir, blobs, new LocalUploadLocks());
  expect(await restarted.expire(24 * HOUR_MS, { emptyAfterMs: HOUR_MS })).toBe(1);
  expect(await uploads.find(empty, "app")).toBeUndefined();
  expect((await found(uploads, held)).size).toBe(10);
});

test("a cancelled session gives back its room at once, also while a request has its file open", async () => {
  const { dir, uploads } = await open();
  const upload = await found(uploads, await begun(uploads));
  await uploads.append(upload, chunks(randomBytes(1_000_000)));
  const fd = openSync(fileOf(dir, upload), "r+");
  await uploads.cancel(upload);
  expect(fstatSync(fd).size).toBe(0);
  closeSync(fd);
});

test("a session that is cancelled while its file is hashed is cancelled, not another digest's", async () => {
  const { dir, blobs, uploads } = await open();
  const upload = await found(uploads, await begun(uploads));
  const bytes = randomBytes(20_000_000);
  await uploads.append(upload, chunks(bytes));
  // It knows no running hash of the session.
  const other = new LocalUploads(dir, blobs, new LocalUploadLocks());
  const finishing = other.finish({ ...upload, size: bytes.length }, digestOf(bytes));
  await nextTurn();
  expect(await uploads.cancel(upload)).toBe(true);
  expect(await finishing).toEqual({ kind: "cancelled" });
  expect(await blobs.stat(digestOf(bytes))).toBeUndefined();
});

test("a network has so many sessions and no more, until it ends some or they rest for long", async () => {
  const dir = temporaryDirectory();
  const blobs = await LocalBlobs.open(`${dir}/blobs`, () => undefined);
  const limits = { user: 2, network: 3, all: 100 };
  const open = () =>
    new LocalUploads(
      `${dir}/uploads`,
      blobs,
      new LocalUploadLocks(),
      undefined,
      new SessionCounts(undefined, limits),
    );
  const uploads = open();
  const mine = [await begun(uploads), await begun(uploads), await begun(uploads)];
  expect(begun(uploads)).rejects.toThrow("there are 3 sessions already");
  expect(typeof (await begun(uploads, "sha256", "192.0.2.1"))).toBe("string");
  const [first, second] = await Promise.all(mine.map((id) => found(uploads, id)));
  if (!first || !second) return raise();
  // One that nobody knows any more gives nothing back twice.
  await uploads.cancel(first);
  await uploads.cancel(first);
  await begun(uploads);
  expect(begun(uploads)).rejects.toThrow("there are 3 sessions already");
  await uploads.finish(second, digestOf(new Uint8Array()));
  await begun(uploads);
  expect(readdirSync(`${dir}/uploads`)).toHaveLength(4);
});

test("of an owner with too many sessions those give way that rest", async () => {
  const dir = temporaryDirectory();
  const blobs = await LocalBlobs.open(`${dir}/blobs`, () => undefined);
  const limits = { user: 1, network: 1, all: 100 };
  const counts = new SessionCounts(undefined, limits);
  const uploads = new LocalUploads(`${dir}/uploads`, blobs, new LocalUploadLocks(), undefined, counts);
  const [resting, others] = [await begun(uploads), await begun(uploads, "sha256", "192.0.2.1")];
  for (const id of [resting, others]) utimesSync(fileOf(`${dir}/uploads`, await found(uploads, id)), 0, 0);
  const id = await begun(uploads);
  const left = await Promise.all([resting, others, id].map((known) => uploads.find(known, "app")));
  expect(left.map((upload) => upload !== undefined)).toEqual([false, true, true]);
});

test("an upload that finds no room gives back what it wrote, and can be gone on with", async () => {
  const { dir, blobs } = await open();
  let left = Number.POSITIVE_INFINITY;
  const admit = () => {
    if (left-- <= 0) throw Object.assign(new Error("no room"), { code: "ENOSPC" });
  };
  const uploads = new LocalUploads(dir, blobs, new LocalUploadLocks(), admit);
  const id = await begun(uploads, "sha256");
  const upload = () => found(uploads, id);
  const [first, second] = [randomBytes(100_000), randomBytes(5_000_000)];
  await uploads.append(await upload(), chunks(first.slice()));
  left = 3;
  const pieces = Array.from({ length: 50 }, (_, i) => second.subarray(i * 100_000, (i + 1) * 100_000));
  await expect(uploads.append(await upload(), chunks(...pieces))).rejects.toThrow("no room");
  expect((await upload()).size).toBe(first.length);
  left = Number.POSITIVE_INFINITY;
  await uploads.append(await upload(), chunks(...pieces));
  const digest = digestOf(Buffer.concat([first, second]));
  expect(await uploads.finish(await upload(), digest)).toMatchObject({ kind: "stored" });
});

test("what a fetch of a killed process has left is removed at the next start, and uploads of clients stay", async () => {
  const { dir, blobs, uploads } = await open();
  const ids = [await uploads.create("app", "sha256"), await uploads.create("app", "sha256", "fetch")];
  for (const id of ids)
    if (typeof id === "string") await uploads.append(await found(uploads, id), chunks(randomBytes(10)));
  removeFetchLeftovers(dir);
  const next = new LocalUploads(dir, blobs, new LocalUploadLocks());
  expect((await next.list()).map(({ id }): unknown => id)).toEqual(ids.slice(0, 1));
});
