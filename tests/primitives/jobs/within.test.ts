import { expect, test } from "bun:test";
import { within } from "../../../src/primitives/jobs/within.ts";

test("work that ends in time has its own outcome", async () => {
  expect(await within(1000, "late", Promise.resolve(1))).toBe(1);
  await expect(within(1000, "late", Promise.reject(new Error("own")))).rejects.toThrow("own");
});

test("work that takes too long is given up", async () => {
  const { promise: never } = Promise.withResolvers<number>();
  await expect(within(5, "no bytes came", never)).rejects.toThrow("no bytes came");
});
