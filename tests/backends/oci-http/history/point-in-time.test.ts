import { expect, test } from "bun:test";
import { parsePointInTime } from "../../../../src/backends/oci-http/history/point-in-time.ts";

const NOW = Date.UTC(2026, 0, 31, 12);
const at = (...[month, day, hour = 0, minute = 0]: [number, number, number?, number?]) => ({
  kind: "time",
  seconds: Date.UTC(2026, month, day, hour, minute) / 1000,
});

test.each([
  ["2h", at(0, 31, 10)],
  ["3d", at(0, 28, 12)],
  ["90m", at(0, 31, 10, 30)],
  ["now", at(0, 31, 12)],
  ["yesterday", at(0, 30, 12)],
  ["2026-01-30", at(0, 30)],
  ["2026-01-30T08:15", at(0, 30, 8, 15)],
  ["2026-01-30 08:15:00", at(0, 30, 8, 15)],
  ["2026-01-30T08:15:00+02:00", at(0, 30, 6, 15)],
  ["0a1b2c3", { kind: "commit", prefix: "0a1b2c3" }],
  ["0a1b", { kind: "commit", prefix: "0a1b" }],
  ["0a1", undefined],
  ["2026", { kind: "commit", prefix: "2026" }],
  ["soon", undefined],
  ["2026-13-45", undefined],
  ["", undefined],
] as const)("%p is understood as a point in time", (text, expected) => {
  expect(parsePointInTime(text, NOW) as unknown).toEqual(expected);
});
