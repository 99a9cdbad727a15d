import { expect, test } from "bun:test";
import { type Digest, digestOf } from "../../../../src/primitives/digest.ts";
import { BlobChecks } from "../../../../src/primitives/store/blobs/blob-checks.ts";

const DAY = 24 * 60 * 60;
const [blob, other] = [digestOf(Buffer.from("blob")), digestOf(Buffer.from("other"))];

test("a blob is due for hashing if it never was hashed, and again a day later", () => {
  let now = 0;
  const checks = new BlobChecks(undefined, () => now);
  expect(checks.isDue(blob)).toBe(true);
  checks.note(blob);
  expect([checks.isDue(blob), checks.isDue(other)]).toEqual([false, true]);
  now = DAY - 1;
  expect(checks.isDue(blob)).toBe(false);
  now = DAY;
  expect(checks.isDue(blob)).toBe(true);
});

test("a blob whose hashing failed is due again, in every thread", () => {
  const checks = new BlobChecks();
  const elsewhere = new BlobChecks(checks.memory);
  checks.note(blob);
  expect(elsewhere.isDue(blob)).toBe(false);
  elsewhere.forget(other);
  elsewhere.forget(blob);
  expect(checks.isDue(blob)).toBe(true);
});

test("of two blobs that share a slot the older one is due for hashing again", () => {
  const seen = new Map<number, Digest>();
  for (let i = 0; ; i++) {
    const digest = digestOf(Buffer.from(`${i}`));
    const place = Bun.hash.xxHash32(digest) % (1 << 20);
    const before = seen.get(place);
    seen.set(place, digest);
    if (!before) continue;
    const checks = new BlobChecks();
    checks.note(before);
    expect(checks.isDue(digest)).toBe(true);
    checks.note(digest);
    expect([checks.isDue(before), checks.isDue(digest)]).toEqual([true, false]);
    return;
  }
});
