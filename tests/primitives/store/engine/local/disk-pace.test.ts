import { expect, test } from "bun:test";
import { DiskPace } from "../../../../../src/primitives/store/engine/local/disk-pace.ts";

function paceAt(start = 0) {
  let now = start;
  const pace = new DiskPace(() => now);
  const pass = (ms: number) => {
    now += ms;
  };
  return { pace, pass };
}

test("a thread writes files itself while its writes do not wait for the disk", () => {
  const { pace, pass } = paceAt();
  expect(pace.measure(() => pass(1))).toBeUndefined();
  expect(pace.isFast).toBe(true);
});

test("a write that waited for the disk leaves the next five seconds of writes to another thread", () => {
  const { pace, pass } = paceAt();
  pace.measure(() => pass(200));
  expect(pace.isFast).toBe(false);
  pass(4999);
  expect(pace.isFast).toBe(false);
  pass(1);
  expect(pace.isFast).toBe(true);
});
