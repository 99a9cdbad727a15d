import { expect, test } from "bun:test";
import { freeReceived } from "../../../src/primitives/bounds/buffer-pressure.ts";

test("a received buffer is freed at once, and one that others may see a part of stays", () => {
  const whole = new Uint8Array(1000).fill(1);
  freeReceived(whole);
  expect([whole.length, whole.buffer.byteLength]).toEqual([0, 0]);
  const shared = new Uint8Array(1000).fill(1);
  freeReceived(shared.subarray(0, 500));
  expect(shared.every((byte) => byte === 1)).toBe(true);
});
