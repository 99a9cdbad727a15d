import { expect, test } from "bun:test";
import { type Reservation, SharedBudget } from "../../../src/primitives/bounds/shared-budget.ts";

async function isEvicted({ evicted }: Reservation): Promise<boolean> {
  return (await Promise.race([evicted, Promise.resolve("kept")])) === "evicted";
}

test("the owner with the most bytes loses its oldest reservations first", async () => {
  const budget = new SharedBudget(100);
  const bobs = Array.from({ length: 10 }, () => budget.open("bob"));
  for (const reservation of bobs) expect(reservation.reserve(10)).toBe(true);
  const alice = budget.open("alice");
  expect(alice.reserve(15)).toBe(true);
  expect(await Promise.all(bobs.map(isEvicted))).toEqual([true, true, ...Array(8).fill(false)]);
  expect(budget.used).toBe(95);
  for (const reservation of [...bobs, alice]) reservation.release();
  expect(budget.used).toBe(0);
});

test("an owner evicts no reservation of an owner that would hold no more than it", async () => {
  const budget = new SharedBudget(100);
  const [alice, bob] = [budget.open("alice"), budget.open("bob")];
  alice.reserve(50);
  bob.reserve(50);
  expect(budget.open("alice").reserve(1)).toBe(false);
  expect(budget.open("carol").reserve(50)).toBe(false);
  expect(await Promise.all([alice, bob].map(isEvicted))).toEqual([false, false]);
  expect(budget.open("carol").reserve(49)).toBe(true);
  expect(await isEvicted(alice)).toBe(true);
});

test("a pinned reservation is not evicted", async () => {
  const budget = new SharedBudget(100);
  const pinned = budget.open("bob");
  pinned.reserve(90);
  pinned.pin();
  expect(budget.open("alice").reserve(20)).toBe(false);
  expect(await isEvicted(pinned)).toBe(false);
  pinned.release();
  expect(budget.open("alice").reserve(20)).toBe(true);
});

test("a reservation larger than the whole budget is admitted only while the budget is empty", () => {
  const budget = new SharedBudget(100);
  const large = budget.open("alice");
  expect(large.reserve(150)).toBe(true);
  expect(budget.open("alice").reserve(1)).toBe(false);
  large.release();
  expect(budget.open("alice").reserve(1)).toBe(true);
});
