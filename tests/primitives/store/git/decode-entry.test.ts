import { expect, test } from "bun:test";
import { nameObject } from "../../../../src/primitives/store/git/object.ts";
import { decodeEntry, encodeEntry } from "../../../../src/primitives/store/git/pack.ts";
import { randomBytes } from "../../../support/random-bytes.ts";

const OBJECTS = [0, 1, 15, 16, 2047, 2048, 65_535, 65_536, 200_000].flatMap((size) => [
  nameObject("tree", randomBytes(size)),
  nameObject("blob", Buffer.alloc(size, "text ")),
]);

test("an entry is decoded to the object that it was made of, whatever lies behind it", () => {
  for (const object of OBJECTS) {
    const { id, bytes } = encodeEntry(object);
    for (const behind of [0, 1000]) {
      const decoded = decodeEntry({ id, bytes: Buffer.concat([bytes, randomBytes(behind)]) });
      expect(decoded.type).toBe(object.type);
      expect(Buffer.compare(decoded.body, object.body)).toBe(0);
    }
  }
});

test("an entry that is cut off, or is none, is refused as damaged", () => {
  for (const object of OBJECTS.filter(({ body }) => body.length > 0)) {
    const { id, bytes } = encodeEntry(object);
    for (const length of [0, 1, 3, Math.floor(bytes.length / 2)])
      expect(() => decodeEntry({ id, bytes: bytes.slice(0, length) })).toThrow("is damaged");
  }
  const [{ id }] = [nameObject("blob", randomBytes(1))];
  expect(() => decodeEntry({ id, bytes: new Uint8Array(100).fill(0xff) })).toThrow("is damaged");
});
