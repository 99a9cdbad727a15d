import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { objectIdFromBytes } from "../../../../src/primitives/store/git/object-id.ts";
import { encodePackIndex, PackIndex } from "../../../../src/primitives/store/git/pack-index.ts";
import { randomBytes } from "../../../support/random-bytes.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";

const CHECKSUM = new Uint8Array(32);

function indexOf(ids: readonly Uint8Array[]): PackIndex {
  const path = `${temporaryDirectory()}/pack.idx`;
  const entries = ids.map((id, i) => ({ id: objectIdFromBytes(id), offset: 12 + i, crc: i }));
  writeFileSync(path, encodePackIndex(entries, CHECKSUM));
  return new PackIndex(path);
}

/** An id with these bytes first, the rest by chance. */
function idWith(...first: number[]): Uint8Array {
  const id = randomBytes(32);
  id.set(first);
  return id;
}

describe("an index of a pack", () => {
  test.each([0, 1, 63, 64, 65, 20_000])("finds each of %p objects and no other", (count) => {
    const ids = Array.from({ length: count }, () => randomBytes(32));
    const index = indexOf(ids);
    ids.forEach((id, i) => {
      expect(index.offsetOf(objectIdFromBytes(id))).toBe(12 + i);
    });
    for (let i = 0; i < 2000; i++) expect(index.offsetOf(objectIdFromBytes(randomBytes(32)))).toBeUndefined();
    index.close();
  });

  test("finds objects whose ids are not evenly spread", () => {
    const crowded = Array.from({ length: 1000 }, (_, i) => idWith(7, i < 500 ? 0 : 255, 255, i & 0xff));
    const ids = [...crowded, idWith(7, 128, 0, 0), idWith(0, 0, 0, 0), idWith(255, 255, 255, 255)];
    const index = indexOf(ids);
    ids.forEach((id, i) => {
      expect(index.offsetOf(objectIdFromBytes(id))).toBe(12 + i);
    });
    for (const byte of [0, 1, 127, 128, 254, 255]) {
      expect(index.offsetOf(objectIdFromBytes(idWith(7, byte)))).toBeUndefined();
      expect(index.offsetOf(objectIdFromBytes(idWith(byte, byte)))).toBeUndefined();
    }
    index.close();
  });

  test("tells its entries in the order of the pack", () => {
    const ids = Array.from({ length: 500 }, () => randomBytes(32));
    const index = indexOf(ids);
    expect(index.entries()).toEqual(
      ids.map((id, i) => ({ id: objectIdFromBytes(id), offset: 12 + i, crc: i })),
    );
    index.close();
  });
});
