import { expect, test } from "bun:test";
import { applyDelta } from "../../../../src/primitives/store/git/delta.ts";

const BASE = Buffer.from("the quick brown fox");
const text = (delta: readonly number[]) =>
  Buffer.from(applyDelta(BASE, Uint8Array.from(delta))).toString("latin1");
/** Sizes below 128. */
const sizes = (result: number) => [BASE.length, result];
const insert = (words: string) => [words.length, ...Buffer.from(words)];

test("a delta copies from its base and inserts bytes of its own", () => {
  // Copies of 3 bytes at 0 and of 4 bytes at 15.
  expect(text([...sizes(11), 0x90, 3, ...insert(" red"), 0x91, 15, 4])).toBe("the red fox");
});

test("a copy of a delta whose length is left out has 65,536 bytes", () => {
  const base = new Uint8Array(0x10000).fill(7);
  // 65,536 as base-128 digits, the lowest first.
  const size = [0x80, 0x80, 0x04];
  expect(applyDelta(base, Uint8Array.from([...size, ...size, 0x80]))).toEqual(base);
});

test.each([
  ["ends in the middle of a copy", [...sizes(3), 0x91, 0]],
  ["ends in the middle of a size", [0x80]],
  ["is of a base of another size", [5, 3, 0x90, 3]],
  ["copies from outside its base", [...sizes(10), 0x91, 15, 10]],
  ["gives more than its result", [...sizes(3), ...insert("four")]],
  ["gives less than its result", [...sizes(5), ...insert("four")]],
  ["has the reserved instruction 0", [...sizes(1), 0]],
  ["has fewer bytes to insert than it says", [...sizes(4), 4, 65]],
])("a delta that %s is refused as corrupt", (_, delta) => {
  expect(() => text(delta)).toThrow("a delta");
});
