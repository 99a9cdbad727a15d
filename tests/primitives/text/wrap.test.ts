import { expect, test } from "bun:test";
import { firstFew, wrapText } from "../../../src/primitives/text/wrap.ts";

test("a text is broken at blanks, keeps its indentation, and further lines hang", () => {
  expect(wrapText("  one two three four", 11, { breaksWords: false, hanging: 4 })).toEqual([
    "  one two",
    "    three",
    "    four",
  ]);
});

test("a text that fits is left as it is, with its blanks", () => {
  expect(wrapText("  a   b", 10, { breaksWords: true })).toEqual(["  a   b"]);
});

test("a word that is wider than a line is broken only where that is wanted", () => {
  const digest = "sha256:0123456789abcdef";
  expect(wrapText(`the ${digest} is`, 10, { breaksWords: false })).toEqual(["the", digest, "is"]);
  expect(wrapText(`the ${digest} is`, 10, { breaksWords: true })).toEqual([
    "the",
    "sha256:012",
    "3456789abc",
    "def is",
  ]);
});

test("wide characters are counted by their width, and none is split or lost", () => {
  const text = "日本語".repeat(10);
  const lines = wrapText(text, 7, { breaksWords: true });
  expect(lines.join("")).toBe(text);
  for (const line of lines) expect(Bun.stringWidth(line)).toBeLessThanOrEqual(7);
});

test.each([1, 2, 3])("a text ends even on a terminal of %p columns", (columns) => {
  const lines = wrapText("  日本 \x1b[2J 語 abc", columns, { breaksWords: true, hanging: 4 });
  expect(lines.join("").replaceAll(" ", "")).toBe("日本\\u001b[2J語abc");
});

test("a word of a million characters, or of as many combining ones, is broken in linear time", () => {
  const began = performance.now();
  expect(wrapText("x".repeat(1_000_000), 40, { breaksWords: true })).toHaveLength(25_000);
  const marks = `e${"\u0301".repeat(100_000)}`;
  expect(wrapText(marks, 40, { breaksWords: true }).join("")).toBe(marks);
  expect(performance.now() - began).toBeLessThan(5000);
});

test("a long list is the first few and a count", () => {
  expect(firstFew(["a", "b"], 3)).toBe("a, b");
  expect(firstFew(["a", "b", "c", "d", "e"], 3)).toBe("a, b, c and 2 more");
});
