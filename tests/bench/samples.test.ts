import { expect, test } from "bun:test";
import { Samples } from "./samples.ts";

function measured(ours: readonly number[], lessIsBetter = false): string[] {
  const samples = new Samples();
  for (const value of ours) samples.record("work", "units", "Everlock", value, lessIsBetter);
  for (const _ of ours) samples.record("work", "units", "earlier", 100, lessIsBetter);
  return samples.regressions("Everlock", "earlier");
}

test("a rate that is lower in each round and by more than 5 % in the median is a regression", () => {
  expect(measured([90, 94, 99])).toEqual(["work: 0.94 times earlier, in 3 rounds of 3"]);
});

test("a cost that is higher by more than 5 % is a regression, a lower one is none", () => {
  expect(measured([110, 120, 106], true)).toHaveLength(1);
  expect(measured([50, 60, 70], true)).toEqual([]);
});

test("a figure within 5 %, better in one round, or of fewer than three rounds is no regression", () => {
  expect(measured([96, 97, 98])).toEqual([]);
  expect(measured([80, 80, 101])).toEqual([]);
  expect(measured([80, 80])).toEqual([]);
});
