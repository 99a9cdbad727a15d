import { expect, test } from "bun:test";
import { RefillingBudget } from "../../../src/primitives/users/refilling-budget.ts";

function spent(): RefillingBudget {
  const budget = new RefillingBudget(10, 60_000);
  for (let i = 0; i < 10; i++) {
    expect([i, budget.waitMs("a", 1000), budget.used("a", 1000)]).toEqual([i, 0, i]);
    budget.take("a", 1000);
  }
  return budget;
}

test("a subject that has used up its budget waits for one guess, not for all", () => {
  const budget = spent();
  expect(budget.waitMs("a", 1000)).toBe(6000);
  expect(budget.waitMs("a", 5000)).toBe(2000);
  expect(budget.waitMs("b", 1000)).toBe(0);
  expect(budget.waitMs("a", 7000)).toBe(0);
  budget.take("a", 7000);
  expect(budget.waitMs("a", 7000)).toBe(6000);
  expect([budget.used("a", 31_000), budget.used("a", 67_000)]).toEqual([6, 0]);
});

test("guesses beyond the budget prolong no wait", () => {
  const budget = spent();
  for (let i = 0; i < 1000; i++) budget.take("a", 1000);
  expect(budget.waitMs("a", 1000)).toBe(6000);
});

test("a budget that does not divide its window evenly allows all of its guesses", () => {
  const budget = new RefillingBudget(7, 1000);
  for (let i = 0; i < 7; i++) {
    expect(budget.waitMs("a", 0.1)).toBe(0);
    budget.take("a", 0.1);
  }
  expect(budget.waitMs("a", 0.1)).toBeGreaterThan(100);
});

test("a refund gives back one guess, less what has been refilled of it", () => {
  const budget = spent();
  const late = new RefillingBudget(1, 1000);
  const refund = late.take("a", 0);
  refund(0);
  expect(late.waitMs("a", 0)).toBe(0);
  const tooLate = late.take("a", 0);
  late.take("a", 2000);
  tooLate(2000);
  expect(late.waitMs("a", 2000)).toBe(1000);
  const half = budget.take("b", 0);
  budget.take("b", 0);
  half(3000);
  expect(budget.used("b", 3000)).toBe(1);
});

test("a hundred thousand other subjects neither evict a count nor lock another subject", () => {
  const budget = new RefillingBudget(10, 60_000);
  for (let i = 0; i < 10; i++) budget.take("admin", 0);
  for (let i = 0; i < 100_000; i++) budget.take(`random ${i}`, i / 100);
  expect(budget.waitMs("admin", 2000)).toBeGreaterThan(0);
  const locked = Array.from({ length: 1000 }, (_, i) => budget.waitMs(`other ${i}`, 2000));
  expect(locked.filter((ms) => ms > 0).length).toBeLessThan(10);
});
