import { describe, expect, test } from "bun:test";
import { didYouMean, nearest } from "../../../src/primitives/text/nearest.ts";

describe("the nearest of several words", () => {
  test.each([
    ["sevre", "serve"],
    ["fskc", "fsck"],
    ["Passwd", "passwd"],
    ["paswd", "passwd"],
    ["gce", "gc"],
    ["push", undefined],
    ["g", undefined],
    ["", undefined],
  ])("to %p is %p", (word, expected) => {
    expect(nearest(word, ["serve", "gc", "fsck", "passwd"])).toBe(expected as string);
  });

  test("to a very long word is not searched for", () => {
    const word = "s".repeat(100_000);
    expect(nearest(`${word}x`, [word])).toBeUndefined();
  });

  test("is the first of those that differ least", () => {
    expect(nearest("store-a", ["store-bc", "store-b", "store-c"])).toBe("store-b");
  });
});

test("the beginning of one word stands for it, that of several for none", () => {
  expect(nearest("ad", ["add", "remove"])).toBe("add");
  expect(nearest("ad", ["add", "adopt"])).toBeUndefined();
  expect(nearest("restart", ["restart-all-of-them"])).toBe("restart-all-of-them");
});

test("of very many words only the first are compared", () => {
  let read = 0;
  const endless = (function* () {
    for (;;) yield `word-${read++}`;
  })();
  expect(nearest("something", endless)).toBeUndefined();
  expect(read).toBeLessThan(20_000);
});

test("a hint names the nearest word, and is empty if none is near", () => {
  expect(didYouMean("srve", ["serve"])).toBe("; did you mean 'serve'?");
  expect(didYouMean("push", ["serve"])).toBe("");
});
