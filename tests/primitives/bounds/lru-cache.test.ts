import { expect, test } from "bun:test";
import { LruCache } from "../../../src/primitives/bounds/lru-cache.ts";

test("an LRU cache removes the least recently used entries beyond its capacity", () => {
  const cache = new LruCache<number, number>(20);
  cache.set(0, 0);
  for (let i = 1; i <= 100; i++) {
    cache.set(i, i);
    expect(cache.get(0)).toBe(0);
  }
  const kept = Array.from({ length: 101 }, (_, i) => i).filter((i) => cache.get(i) !== undefined);
  expect(kept.length).toBeLessThanOrEqual(20);
  expect(kept).toContain(100);
  expect(cache.get(1)).toBeUndefined();
});

test("an LRU cache counts sizes, replaces values, and does not keep an entry that is too large", () => {
  const cache = new LruCache<string, string>(100);
  cache.set("a", "small", 10);
  cache.set("a", "large", 60);
  expect(cache.get("a")).toBeUndefined();
  for (let i = 0; i < 10; i++) cache.set("b", `${i}`, 40);
  cache.set("c", "c", 10);
  expect([cache.get("b"), cache.get("c")]).toEqual(["9", "c"]);
  cache.delete("b");
  expect(cache.get("b")).toBeUndefined();
});
