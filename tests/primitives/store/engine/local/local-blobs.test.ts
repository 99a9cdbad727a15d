import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { type Digest, digestOf } from "../../../../../src/primitives/digest.ts";
import { BlobAuditor } from "../../../../../src/primitives/store/blobs/blob-auditor.ts";
import { BlobChecks } from "../../../../../src/primitives/store/blobs/blob-checks.ts";
import { LocalBlobs, SEALED_AT } from "../../../../../src/primitives/store/engine/local/local-blobs.ts";
import { flipBit } from "../../../../support/flipped-bit.ts";
import { randomBytes } from "../../../../support/random-bytes.ts";
import { temporaryDirectory } from "../../../../support/temporary-directory.ts";

async function open(dir = temporaryDirectory()) {
  const damaged: Digest[] = [];
  const blobs = await LocalBlobs.open(`${dir}/blobs`, (digest) => damaged.push(digest));
  const place = async (bytes: Uint8Array, digest = digestOf(bytes)) => {
    writeFileSync(`${dir}/source`, bytes);
    await blobs.place(digest, `${dir}/source`);
    return digest;
  };
  return { dir, blobs, damaged, place };
}

/** As a bad disk does it: the time of the file stays what it was. */
function damage(path: string): void {
  flipBit(path, 10, 3);
  utimesSync(path, SEALED_AT, SEALED_AT);
}

test("a placed blob lies under its digest, sealed, once", async () => {
  const { dir, blobs, place } = await open();
  const bytes = randomBytes(1000);
  for (const digest of [digestOf(bytes), digestOf(bytes, "sha512")]) {
    await place(bytes, digest);
    expect(existsSync(`${dir}/source`)).toBe(false);
    expect(await blobs.stat(digest)).toMatchObject({ size: 1000, isSealed: true });
    expect(await blobs.read(digest)).toEqual(bytes as Uint8Array<ArrayBuffer>);
    await place(bytes, digest);
  }
  expect((await Array.fromAsync(blobs.list())).flat()).toEqual([digestOf(bytes), digestOf(bytes, "sha512")]);
});

test("what is absent is undefined or missing, and no error", async () => {
  const { blobs, damaged } = await open();
  const digest = digestOf(Buffer.from("absent"));
  expect([await blobs.stat(digest), await blobs.open(digest), await blobs.read(digest)]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect([await blobs.check(digest), await blobs.verify(digest)]).toEqual(["missing", "missing"]);
  expect(damaged).toEqual([]);
});

test("a damaged blob is never read: it is set aside and reported, and placing it again heals it", async () => {
  const { dir, blobs, damaged, place } = await open();
  const bytes = randomBytes(1000);
  const digest = await place(bytes);
  for (const notice of [async () => blobs.read(digest), () => blobs.verify(digest)]) {
    damage(blobs.path(digest));
    expect((await blobs.stat(digest))?.isSealed).toBe(true);
    expect(await blobs.check(digest)).toBe("damaged");
    await notice();
    expect(damaged.splice(0)).toEqual([digest]);
    expect(await blobs.stat(digest)).toBeUndefined();
    expect(existsSync(`${dir}/blobs/damaged/${digest.replace(":", "-")}`)).toBe(true);
    await place(bytes);
    expect(await blobs.verify(digest)).toBe("sound");
  }
});

test("a blob that somebody wrote to is not sealed until it was found sound", async () => {
  const { blobs, place } = await open();
  const digest = await place(randomBytes(1000));
  const bytes = readFileSync(blobs.path(digest));
  writeFileSync(blobs.path(digest), bytes);
  expect((await blobs.stat(digest))?.isSealed).toBe(false);
  expect(await blobs.check(digest)).toBe("sound");
  expect((await blobs.stat(digest))?.isSealed).toBe(true);
});

test("a removal that turns out wrong, or was caught by a crash, leaves the blob where it was", async () => {
  const { dir, blobs, place } = await open();
  const bytes = randomBytes(100);
  const digest = await place(bytes);
  const removed = await blobs.remove(digest, () => {
    expect(existsSync(blobs.path(digest))).toBe(false);
    return false;
  });
  expect([removed, (await blobs.stat(digest))?.size]).toEqual([false, 100]);
  expect(await blobs.remove(digest, () => true)).toBe(true);
  expect(await blobs.remove(digest, () => true)).toBe(false);
  writeFileSync(`${dir}/blobs/removed/${digest.replace(":", "-")}`, bytes);
  blobs.recover();
  expect(await blobs.read(digest)).toEqual(bytes as Uint8Array<ArrayBuffer>);
});

test("an equal blob that came during a removal stays", async () => {
  const { blobs, place } = await open();
  const digest = await place(randomBytes(100));
  const bytes = readFileSync(blobs.path(digest));
  await blobs.remove(digest, () => {
    writeFileSync(blobs.path(digest), bytes);
    return false;
  });
  expect(await blobs.verify(digest)).toBe("sound");
});

test("hashing a large blob takes its steps, and ends where a step says so", async () => {
  const { blobs, place } = await open();
  const digest = await place(randomBytes(5 * 1024 * 1024));
  let steps = 0;
  await blobs.check(digest, () => void steps++ as undefined);
  expect(steps).toBe(5);
  const stop = () => {
    throw new Error("enough");
  };
  await expect(blobs.verify(digest, stop)).rejects.toThrow("enough");
  expect((await blobs.stat(digest))?.size).toBe(5 * 1024 * 1024);
});

test("blobs that wait are hashed beside everything else, and the damaged ones set aside", async () => {
  const { blobs, damaged, place } = await open();
  const [sound, bad, gone] = [
    await place(randomBytes(100)),
    await place(randomBytes(3_000_000)),
    await place(randomBytes(50)),
  ];
  damage(blobs.path(bad));
  rmSync(blobs.path(gone));
  const failures: unknown[] = [];
  const auditor = new BlobAuditor(blobs, new BlobChecks(), (error) => failures.push(error));
  for (const digest of [sound, bad, gone, bad]) auditor.add(digest);
  await auditor.idle();
  expect(damaged).toEqual([bad]);
  expect([(await blobs.stat(sound))?.size, await blobs.stat(bad)]).toEqual([100, undefined]);
  expect(failures).toEqual([]);
});

test("a blob that can't be read for now is reported and due again, and nothing is set aside", async () => {
  const { blobs, damaged, place } = await open();
  const digest = await place(randomBytes(100));
  rmSync(blobs.path(digest));
  mkdirSync(blobs.path(digest));
  const checks = new BlobChecks();
  const failures: unknown[] = [];
  const auditor = new BlobAuditor(blobs, checks, (error) => failures.push((error as { code?: string }).code));
  checks.note(digest);
  auditor.add(digest);
  await auditor.idle();
  expect([failures, damaged, checks.isDue(digest)]).toEqual([["EISDIR"], [], true]);
  expect(statSync(blobs.path(digest)).isDirectory()).toBe(true);
});

test("an auditor that is closed ends in the middle of a blob, and takes no more", async () => {
  const { blobs, place } = await open();
  const digest = await place(randomBytes(20 * 1024 * 1024));
  const checks = new BlobChecks();
  const failures: unknown[] = [];
  const auditor = new BlobAuditor(blobs, checks, (error) => failures.push(error));
  checks.note(digest);
  auditor.add(digest);
  await auditor.close();
  expect(failures).toEqual([]);
  auditor.add(digest);
  await auditor.idle();
  expect(checks.isDue(digest)).toBe(true);
});
