import { expect, test } from "bun:test";
import { GuessBudget } from "../../../src/primitives/users/guess-budget.ts";

test("guesses of a subject are limited within a window and allowed again after it", () => {
  const budget = new GuessBudget(3, 1000);
  for (let i = 0; i < 3; i++) {
    expect(budget.waitMs("a", 100 + i)).toBe(0);
    budget.take("a", 100 + i);
  }
  expect(budget.waitMs("a", 300)).toBe(800);
  expect(budget.waitMs("b", 300)).toBe(0);
  expect(budget.waitMs("a", 1100)).toBe(0);
});

test("a guess is refunded once, and not in the next window", () => {
  const budget = new GuessBudget(1, 1000);
  const giveBack = budget.take("a", 0);
  expect(budget.waitMs("a", 0)).toBe(1000);
  giveBack();
  expect(budget.waitMs("a", 0)).toBe(0);
  const late = budget.take("a", 0);
  budget.take("a", 2000);
  late();
  expect(budget.waitMs("a", 2000)).toBe(1000);
});

test("a hundred thousand other subjects neither evict a count nor lock another subject", () => {
  const budget = new GuessBudget(10, 60_000);
  for (let i = 0; i < 10; i++) budget.take("admin", 0);
  for (let i = 0; i < 100_000; i++) budget.take(`random ${i}`, i / 100);
  expect(budget.waitMs("admin", 2000)).toBeGreaterThan(0);
  const locked = Array.from({ length: 1000 }, (_, i) => budget.waitMs(`other ${i}`, 2000)).filter(
    (ms) => ms > 0,
  );
  expect(locked.length).toBeLessThan(10);
});
