import { expect, test } from "bun:test";
import { ReadCache } from "../../../../src/backends/oci-http/store/read-cache.ts";
import { ScopeClock } from "../../../../src/primitives/store/index/scope-clock.ts";

const KINDS = ["tag", "tags", "manifest", "blob", "link"] as const;

/** Which kinds are read anew after what `happens`. */
function readAnew(happens: (clock: ScopeClock) => void): string[] {
  const clock = new ScopeClock();
  // Another thread's, over the same memory.
  const cache = new ReadCache(new ScopeClock(clock.memory));
  const read = () =>
    KINDS.filter((kind) => {
      let isRead = false;
      cache.get(kind, "alpine", "key", () => {
        isRead = true;
        return { value: kind, bytes: 1 };
      });
      return isRead;
    });
  expect(read()).toEqual([...KINDS]);
  expect(read()).toEqual([]);
  happens(clock);
  return read();
}

test("a push to a repository removes its tags from the read cache, and keeps its digests", () => {
  expect(readAnew((clock) => clock.advance("alpine", "change"))).toEqual(["tag", "tags"]);
});

test("a deletion in a repository removes all its entries from the read cache", () => {
  expect(readAnew((clock) => clock.advance("alpine", "removal"))).toEqual([...KINDS]);
  expect(readAnew((clock) => clock.advanceAll())).toEqual([...KINDS]);
});

test("a change of a repository keeps the entries of others in the read cache", () => {
  expect(readAnew((clock) => clock.advance("busybox", "removal"))).toEqual([]);
});

test("the read cache does not keep misses", () => {
  const cache = new ReadCache(new ScopeClock());
  expect(cache.get("blob", "alpine", "key", () => undefined)).toBeUndefined();
  expect(cache.get<number>("blob", "alpine", "key", () => ({ value: 1, bytes: 1 }))).toBe(1);
});

test("the read cache counts the size of keys that clients choose", () => {
  const cache = new ReadCache(new ScopeClock());
  const keys = Array.from({ length: 5000 }, (_, i) => `${i}`.padEnd(12_000, "x"));
  const look = (key: string) => {
    let isRead = false;
    cache.get("tags", "alpine", key, () => {
      isRead = true;
      return { value: key, bytes: 0 };
    });
    return isRead;
  };
  for (const key of keys) look(key);
  // 32 MiB hold no more than that of 12,000 characters each; the oldest are gone.
  expect(keys.slice(0, 3000).filter((key) => !look(key))).toEqual([]);
});
