import { expect, test } from "bun:test";
import { readdirSync, utimesSync } from "node:fs";
import { digestOf } from "../../../src/primitives/digest.ts";
import { BlobStore } from "../../../src/primitives/store/blob-store.ts";
import { LocalUploadLocks, UploadStore } from "../../../src/primitives/store/upload-store.ts";
import { randomBytes } from "../../support/random-bytes.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const HOUR_MS = 60 * 60 * 1000;

async function open() {
  const dir = temporaryDirectory();
  const blobs = await BlobStore.open(`${dir}/blobs`, () => undefined);
  return {
    dir: `${dir}/uploads`,
    blobs,
    uploads: new UploadStore(`${dir}/uploads`, blobs, new LocalUploadLocks()),
  };
}

function raise(): never {
  throw new Error("there is no such upload");
}

async function* chunks(...parts: Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) {
    yield part;
    await Bun.sleep(0);
  }
}

test("a session is hashed as it arrives, or from its file where it went on elsewhere", async () => {
  const { dir, blobs, uploads } = await open();
  const bytes = randomBytes(3_000_000);
  for (const algorithm of ["sha256", "sha512"] as const) {
    for (const other of [uploads, new UploadStore(dir, blobs, new LocalUploadLocks())]) {
      const id = uploads.create("app", algorithm);
      const upload = () => uploads.find(id, "app") ?? raise();
      await uploads.append(upload(), chunks(bytes.slice(0, 1_000_000)));
      await other.append(upload(), chunks(bytes.slice(1_000_000, 2_000_000), bytes.slice(2_000_000)));
      const digest = digestOf(bytes, algorithm);
      expect(await uploads.finish(upload(), digest)).toEqual({ kind: "stored", size: bytes.length });
      expect(digestOf(blobs.read(digest) ?? raise(), algorithm)).toBe(digest);
    }
  }
  expect(readdirSync(dir)).toEqual([]);
});

test("a body that breaks off is kept as far as it came", async () => {
  const { uploads } = await open();
  const id = uploads.create("app", "sha256");
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield Buffer.from("hello");
    throw new Error("the connection was closed");
  }
  expect(await uploads.append(uploads.find(id, "app") ?? raise(), broken())).toEqual({ kind: "interrupted" });
  expect(uploads.find(id, "app")?.size).toBe(5);
  expect(uploads.find(id, "other")).toBeUndefined();
});

test("sessions that nobody went on with expire, and no others", async () => {
  const { dir, uploads } = await open();
  const [old, young, busy] = [0, 1, 2].map(() => uploads.create("app", "sha256"));
  if (!old || !young || !busy) throw new Error("no session");
  for (const id of [old, busy]) utimesSync(uploads.find(id, "app")?.path ?? raise(), 0, 0);
  await Bun.write(`${dir}/foreign`, "");
  await uploads.exclusively(busy, async () => {
    expect(await uploads.expire(HOUR_MS)).toBe(1);
  });
  expect([old, young, busy].map((id) => uploads.find(id, "app")?.id)).toEqual([undefined, young, busy]);
  expect(readdirSync(dir)).toContain("foreign");
});
