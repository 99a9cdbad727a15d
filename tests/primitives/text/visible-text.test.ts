import { expect, test } from "bun:test";
import { fitColumns, isVisible, visibleText } from "../../../src/primitives/text/visible-text.ts";

test.each([
  ["an escape sequence", "\x1b[2J", "\\u001b[2J"],
  ["a line feed and a carriage return", "a\r\nb", "a\\u000d\\u000ab"],
  ["DEL", "\x7f", "\\u007f"],
  ["a control sequence of C1", "\x9b31m", "\\u009b31m"],
  ["an embedding and an override", "\u202ab\u202e", "\\u202ab\\u202e"],
  ["isolates", "\u2066\u2067\u2068\u2069", "\\u2066\\u2067\\u2068\\u2069"],
  ["marks of direction", "\u200e\u200f\u061c", "\\u200e\\u200f\\u061c"],
  ["characters without width", "ad\u200bmin\u2060\ufeff", "ad\\u200bmin\\u2060\\ufeff"],
  ["a joiner between letters of ASCII", "ad\u200dmin", "ad\\u200dmin"],
  ["a joiner at an end", "\u200d\u{1f468}\u200d", "\\u200d\u{1f468}\\u200d"],
  ["separators of lines and paragraphs", "\u2028\u2029", "\\u2028\\u2029"],
  ["tags beyond the first plane", "\u{e0041}", "\\udb40\\udc41"],
  ["half a surrogate pair", "\ud83d", "\\ud83d"],
])("%s is written out", (_, text, shown) => {
  expect(visibleText(text)).toBe(shown);
  expect(visibleText(shown)).toBe(shown);
  expect(isVisible(text)).toBe(false);
});

test.each([
  "Alice Liddell",
  "Jürgen Groß",
  "日本語",
  "می\u200cخواهم",
  "\u{1f468}\u200d\u{1f469}\u200d\u{1f467}",
  "C:\\path",
  "",
])("%p stays as it is", (text) => {
  expect(visibleText(text)).toBe(text);
});

test("JSON text keeps its value when it is made visible", () => {
  const value = { client: "x\x9b\u202e\x7f\u2028", name: '"quoted" \\u0041' };
  const shown = visibleText(JSON.stringify(value));
  expect(isVisible(shown)).toBe(true);
  expect(JSON.parse(shown)).toEqual(value);
});

test.each([
  ["abcdef", 3, "abc"],
  ["日本語", 5, "日本"],
  ["\u{1f468}\u200d\u{1f469}\u200d\u{1f467}x", 2, "\u{1f468}\u200d\u{1f469}\u200d\u{1f467}"],
  ["e\u0301e\u0301", 1, "e\u0301"],
  ["日", 1, ""],
])("of %p %p columns hold %p", (text, columns, fitting) => {
  expect(fitColumns(text, columns)).toBe(fitting);
});
