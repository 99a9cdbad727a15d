import { describe, expect, test } from "bun:test";
import { chooseMerge } from "../../../../../src/primitives/store/engine/local/pack-merge.ts";

const packs = (howMany: number, count: number, hasDeltas = false) =>
  Array.from({ length: howMany }, () => ({ count, hasDeltas: () => hasDeltas }));
const countsOf = (chosen: readonly { readonly count: number }[]) => chosen.map(({ count }) => count);

describe("a merge of packs", () => {
  test("waits until there are many small ones", () => {
    expect(chooseMerge([...packs(64, 16), ...packs(500, 40_000)])).toEqual([]);
  });

  test("leaves out packs that are much larger than the others together, and those with deltas", () => {
    const chosen = chooseMerge([...packs(60, 16), ...packs(5, 16, true), ...packs(2, 20_000)]);
    expect(countsOf(chosen)).toEqual(Array(60).fill(16));
  });

  test.each([1000, 5000, 32_767])(
    "of %p objects each keeps to its bound and makes fewer of them",
    (count) => {
      const chosen = chooseMerge(packs(200, count));
      const total = chosen.length * count;
      expect(chosen.length).toBeGreaterThan(1);
      expect(total).toBeLessThanOrEqual(65_536);
      expect(total + count).toBeGreaterThan(65_536);
    },
  );
});
