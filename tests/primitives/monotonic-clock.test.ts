import { expect, test } from "bun:test";
import { inStepWith } from "../../src/primitives/monotonic-clock.ts";

test("a clock synchronized with another uses the fastest of several replies", async () => {
  let passed = 0;
  const slow = [500, 300, 2, 900, 400];
  const clock = await inStepWith(
    async () => {
      passed += slow.shift() ?? 0;
      return 500_000 + passed;
    },
    () => passed,
  );
  expect(clock() - (500_000 + passed)).toBe(1);
});

test("a clock synchronized with another is right, however long request and reply took", async () => {
  let passed = 0;
  const other = () => 500_000 + passed;
  const clock = await inStepWith(
    async () => {
      passed += 40;
      const answer = other();
      passed += 40;
      return answer;
    },
    () => 7 + passed,
  );
  expect(clock()).toBe(other());
  passed += 1234.5;
  expect(clock()).toBe(other());
});
