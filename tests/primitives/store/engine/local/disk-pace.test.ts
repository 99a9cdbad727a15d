import { expect, test } from "bun:test";
import { DiskPace } from "../../../../../src/primitives/store/engine/local/disk-pace.ts";

const MIB = 1024 * 1024;

function paceAt() {
  let now = 0;
  const pace = new DiskPace(() => now);
  const pass = (ms: number) => {
    now += ms;
  };
  const write = (bytes: number, ms: number) =>
    pace.measure(() => {
      pass(ms);
      return bytes;
    });
  return { pace, pass, write };
}

test("a thread writes files itself while its writes do not wait for the disk", () => {
  const { pace, write } = paceAt();
  expect(write(MIB, 1)).toBe(MIB);
  for (let i = 0; i < 1000; i++) write(MIB, 1);
  expect(pace.isFast).toBe(true);
});

test("a write that waited for the disk leaves the next five seconds of writes to another thread", () => {
  const { pace, pass, write } = paceAt();
  write(MIB, 3);
  expect(pace.isFast).toBe(true);
  write(MIB, 4);
  expect(pace.isFast).toBe(false);
  pass(4999);
  expect(pace.isFast).toBe(false);
  pass(1);
  expect(pace.isFast).toBe(true);
});
