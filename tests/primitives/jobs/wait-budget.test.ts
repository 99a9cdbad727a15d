import { expect, test } from "bun:test";
import { WaitBudget } from "../../../src/primitives/jobs/wait-budget.ts";

test("the waits of a request share one budget, also the one that fails", async () => {
  let now = 0;
  const waits = new WaitBudget(50, () => now);
  const given: number[] = [];
  const wait = (took: number) => async (ms: number) => {
    given.push(ms);
    now += took;
    if (took === 20) throw new Error("failed");
    return "done";
  };
  expect(await waits.spend(wait(10))).toBe("done");
  await expect(waits.spend(wait(20))).rejects.toThrow("failed");
  for (let i = 0; i < 3; i++) await waits.spend(wait(25));
  expect(given).toEqual([50, 40, 20, 0, 0]);
});
