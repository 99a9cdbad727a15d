import { expect, test } from "bun:test";
import { durationAdvice, formatDuration, parseDuration } from "../../../src/primitives/text/duration.ts";

test.each([
  ["45s", 45],
  ["90m", 5400],
  ["12h", 43_200],
  ["30d", 2_592_000],
  ["2w", 1_209_600],
] as const)("%p is %p seconds", (text, seconds) => {
  expect(parseDuration(text)).toBe(seconds);
  expect(parseDuration(formatDuration(seconds))).toBe(seconds);
});

test.each(["", "1", "h", "1.5h", "-1h", "1y", "1 h", "9999999s"])("%p is no duration", (text) => {
  expect(parseDuration(text)).toBeUndefined();
});

test("a duration is formatted in the largest unit that divides it", () => {
  expect([0, 60, 61, 3600, 86_400, 604_800, 7_776_000].map(formatDuration)).toEqual([
    "0s",
    "1m",
    "61s",
    "1h",
    "1d",
    "1w",
    "90d",
  ]);
});

test.each([
  ["10", "add a unit: 10s, 10m, 10h or 10d"],
  ["1h30m", "write 90m"],
  ["1.5h", "write 90m"],
  ["0", undefined],
  ["0s", undefined],
  ["1y", undefined],
  ["1h".repeat(9), undefined],
])("what to write in place of %p: %p", (text, advice) => {
  expect(durationAdvice(text)).toBe(advice);
});
