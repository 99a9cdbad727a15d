import { expect, test } from "bun:test";
import { ByteCache, detached } from "../../../src/primitives/bounds/byte-cache.ts";

/** How many of the keys are still known, without changing that. */
function kept(cache: ByteCache<number>, keys: readonly string[]): number {
  return keys.filter((key) => cache.get(key) !== undefined).length;
}

test("a byte cache counts the size of its keys", () => {
  const CAPACITY = 1_000_000;
  const fill = (length: number) => {
    const cache = new ByteCache<number>(CAPACITY);
    const keys = Array.from({ length: 1000 }, (_, i) => `${i}`.padEnd(length, "x"));
    for (const [i, key] of keys.entries()) cache.set(key, i);
    return kept(cache, keys);
  };
  expect(fill(10)).toBe(1000);
  // Two bytes a character, in two generations.
  expect(fill(12_000)).toBeWithin(1, CAPACITY / 24_000 + 1);
});

test("a byte cache does not keep an entry larger than half of its capacity", () => {
  const cache = new ByteCache<number>(10_000);
  cache.set("x".repeat(3000), 1);
  cache.set("value", 1, 6000);
  cache.set("small", 1, 1000);
  expect(kept(cache, ["x".repeat(3000), "value", "small"])).toBe(1);
});

test("a text detached from its source is equal to it", () => {
  expect(detached("/v2/app/manifests/\u{1F600}é")).toBe("/v2/app/manifests/\u{1F600}é");
});
