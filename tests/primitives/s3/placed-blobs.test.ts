import { expect, test } from "bun:test";
import { digestOf } from "../../../src/primitives/digest.ts";
import { PlacedBlobs } from "../../../src/primitives/s3/placed-blobs.ts";
import { randomBytes } from "../../support/random-bytes.ts";

const STORE = "a";
const newDigest = () => digestOf(randomBytes(20));

test("what one thread has made is known to the others for some time, with its size", () => {
  let now = 100;
  const memory = PlacedBlobs.memory();
  const [one, other] = [0, 1].map(() => new PlacedBlobs(STORE, memory, () => now));
  const [small, large] = [newDigest(), digestOf(randomBytes(20), "sha512")];
  one?.note(small, 0);
  one?.note(large, 5_000_000_000_000);
  now += 9;
  expect(other?.find(small, 10)).toEqual({ size: 0, age: 9 });
  expect(other?.find(large, 10)).toEqual({ size: 5_000_000_000_000, age: 9 });
  now += 1;
  expect([other?.find(small, 10), other?.find(large, 0)]).toEqual([undefined, undefined]);
});

test("a blob is known in its store alone, and until it is forgotten", () => {
  const memory = PlacedBlobs.memory();
  const [placed, elsewhere] = [new PlacedBlobs(STORE, memory), new PlacedBlobs("b", memory)];
  const digest = newDigest();
  placed.note(digest, 5);
  elsewhere.forget(digest);
  expect([placed.find(digest, 60)?.size, elsewhere.find(digest, 60)]).toEqual([5, undefined]);
  placed.forget(digest);
  expect(placed.find(digest, 60)).toBeUndefined();
  placed.note(digest, 6);
  expect(placed.find(digest, 60)?.size).toBe(6);
});

test("of many blobs, none is taken for another one", () => {
  const placed = new PlacedBlobs(STORE);
  const digests = Array.from({ length: 40_000 }, newDigest);
  for (const [size, digest] of digests.entries()) placed.note(digest, size);
  const known = digests.flatMap((digest, size) => {
    const found = placed.find(digest, 60);
    return found ? [found.size === size] : [];
  });
  expect(known.every(Boolean)).toBe(true);
  expect(known.length).toBeGreaterThan(10_000);
});
