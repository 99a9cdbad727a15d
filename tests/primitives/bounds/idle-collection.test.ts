import { describe, expect, test } from "bun:test";
import { IdleCollection } from "../../../src/primitives/bounds/idle-collection.ts";

const MIB = 1024 * 1024;

/** A heap of which `live` bytes are no garbage; the numbers of collections after each look at a size. */
function collectionsAt(sizes: readonly number[], live: number): readonly number[] {
  let size = 0;
  let collections = 0;
  const collection = new IdleCollection({
    size: () => size,
    collect: () => {
      collections++;
      size = live;
    },
  });
  size = live;
  collection.look();
  return sizes.map((next) => {
    size = next;
    collection.look();
    return collections;
  });
}

describe("the collection of an idle thread's garbage", () => {
  test("waits until the thread allocates little", () => {
    expect(collectionsAt([20 * MIB, 30 * MIB, 40 * MIB, 40 * MIB + 1000], 10 * MIB)).toEqual([0, 0, 0, 1]);
  });

  test("is not made of a heap that is as at the first look", () => {
    expect(collectionsAt([20 * MIB, 20 * MIB], 20 * MIB)).toEqual([0, 0]);
  });

  test("is not repeated while the heap has not grown since", () => {
    expect(collectionsAt([20 * MIB, 20 * MIB, 11 * MIB, 11 * MIB], 10 * MIB)).toEqual([0, 1, 1, 1]);
  });

  test("follows the next growth", () => {
    expect(collectionsAt([20 * MIB, 20 * MIB, 30 * MIB, 30 * MIB], 10 * MIB)).toEqual([0, 1, 1, 2]);
  });

  test("of a large heap waits until it has grown by a quarter", () => {
    const sizes = [90, 90, 101, 101].map((mib) => mib * MIB);
    expect(collectionsAt(sizes, 80 * MIB)).toEqual([0, 0, 0, 1]);
  });

  test("compares with the heap that the runtime's own collections left", () => {
    expect(collectionsAt([20 * MIB, 20 * MIB, 5 * MIB, 12 * MIB, 12 * MIB], 10 * MIB)).toEqual([
      0, 1, 1, 1, 2,
    ]);
  });
});
