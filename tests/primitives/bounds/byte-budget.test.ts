import { expect, test } from "bun:test";
import { ByteBudget } from "../../../src/primitives/bounds/byte-budget.ts";

test("bytes are reserved up to the capacity, and released bytes can be reserved again", () => {
  const budget = new ByteBudget(100);
  expect([budget.reserve(60), budget.reserve(50), budget.reserve(40)]).toEqual([true, false, true]);
  expect(budget.used).toBe(100);
  budget.release(60);
  expect([budget.reserve(61), budget.reserve(60)]).toEqual([false, true]);
});

test("a body larger than the whole budget is admitted only while the budget is empty", () => {
  const budget = new ByteBudget(100);
  expect(budget.reserve(1000)).toBe(true);
  expect(budget.reserve(1)).toBe(false);
  budget.release(1000);
  expect([budget.reserve(1), budget.reserve(1000)]).toEqual([true, false]);
});
