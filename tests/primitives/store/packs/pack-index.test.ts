import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { objectIdFromBytes } from "../../../../src/primitives/store/git/object-id.ts";
import { encodePackIndex, PackIndex } from "../../../../src/primitives/store/packs/pack-index.ts";
import { randomBytes } from "../../../support/random-bytes.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";

const CHECKSUM = new Uint8Array(32);

function indexOf(ids: readonly Uint8Array[]): PackIndex {
  const path = `${temporaryDirectory()}/pack.idx`;
  const entries = ids.map((id, i) => ({ id: objectIdFromBytes(id), offset: 12 + i, crc: i }));
  writeFileSync(path, encodePackIndex(entries, CHECKSUM));
  return new PackIndex(path);
}

function anyId(): Buffer {
  return Buffer.from(randomBytes(32));
}

/** An id with these bytes first, the rest by chance. */
function idWith(...first: number[]): Buffer {
  const id = anyId();
  id.set(first);
  return id;
}

describe("an index of a pack", () => {
  test.each([0, 1, 100, 10_000, 40_000])("finds each of %p objects and no other", (count) => {
    const ids = Array.from({ length: count }, anyId);
    const index = indexOf(ids);
    ids.forEach((id, i) => {
      expect(index.offsetOf(id)).toBe(12 + i);
    });
    for (let i = 0; i < 2000; i++) expect(index.offsetOf(anyId())).toBeUndefined();
    index.close();
  });

  test.each([1000, 40_000])("finds %p objects whose ids are not evenly spread", (count) => {
    const crowded = Array.from({ length: count }, (_, i) => idWith(7, i % 2 === 0 ? 0 : 255, 255, i & 0xff));
    const ids = [...crowded, idWith(7, 128, 0, 0), idWith(0, 0, 0, 0), idWith(255, 255, 255, 255)];
    const index = indexOf(ids);
    ids.forEach((id, i) => {
      expect(index.offsetOf(id)).toBe(12 + i);
    });
    expect(index.offsetOf(idWith(7, 0, 255, 0))).toBeUndefined();
    for (const byte of [0, 1, 127, 128, 254, 255]) {
      expect(index.offsetOf(idWith(7, byte))).toBeUndefined();
      expect(index.offsetOf(idWith(byte, byte))).toBeUndefined();
    }
    index.close();
  });

  test("tells apart objects whose ids begin alike", () => {
    const ids = Array.from({ length: 50 }, () => idWith(1, 2, 3, 4, 5));
    const index = indexOf(ids);
    ids.forEach((id, i) => {
      expect(index.offsetOf(id)).toBe(12 + i);
    });
    expect(index.offsetOf(idWith(1, 2, 3, 4, 5))).toBeUndefined();
    index.close();
  });

  test("tells its entries in the order of the pack", () => {
    const ids = Array.from({ length: 500 }, anyId);
    const index = indexOf(ids);
    expect(index.entries()).toEqual(
      ids.map((id, i) => ({ id: objectIdFromBytes(id), offset: 12 + i, crc: i })),
    );
    index.close();
  });
});
