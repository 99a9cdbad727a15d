import { expect, test } from "bun:test";
import { lazily } from "../../src/primitives/lazily.ts";

test("a lazy value is made once, at the first call, for all who ask meanwhile and later", async () => {
  let made = 0;
  const value = lazily(async () => ++made);
  expect(made).toBe(0);
  expect(await Promise.all([value(), value()])).toEqual([1, 1]);
  expect(await value()).toBe(1);
});

test("a lazy value that could not be made is made at the next call", async () => {
  let tries = 0;
  const value = lazily(async () => {
    tries++;
    if (tries === 1) throw new Error("not yet");
    return tries;
  });
  await expect(value()).rejects.toThrow("not yet");
  expect(await value()).toBe(2);
});
