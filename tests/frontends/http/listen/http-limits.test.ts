import { expect, test } from "bun:test";
import { HttpLimits, limitsMemory, randomSeed } from "../../../../src/frontends/http/listen/http-limits.ts";

const UNLIMITED = {
  requestsPerSecond: undefined,
  uploads: undefined,
  manifestBytes: 1,
  blobBytes: undefined,
};

test("the request rate of an address is limited across all threads, without effect on other addresses", () => {
  const [memory, seed] = [limitsMemory(), randomSeed()];
  const threads = [0, 1].map(
    (thread) => new HttpLimits({ ...UNLIMITED, requestsPerSecond: 10 }, memory, thread, seed),
  );
  const admitted = (address: string, from: number, to: number, everyMs: number) => {
    let count = 0;
    for (let now = from, i = 0; now < to; now += everyMs, i++)
      if (threads[i % 2]?.admitRequest(address, now)) count++;
    return count;
  };
  const start = 1_764_000_000_000;
  // A burst of the unused second, then ten requests each second.
  expect(admitted("192.0.2.1", start, start + 100, 1)).toBeWithin(10, 12);
  expect(admitted("192.0.2.1", start + 100, start + 10_100, 1)).toBeWithin(98, 102);
  expect(admitted("192.0.2.2", start + 10_000, start + 10_050, 10)).toBe(5);
  // Hours later, after the clock has wrapped around, as at the start.
  for (const hours of [5, 9, 13, 18, 19, 37, 100]) {
    const later = start + hours * 3_600_000;
    expect(admitted("192.0.2.1", later, later + 20, 1)).toBeWithin(10, 12);
  }
});

test("concurrent uploads are limited across all threads, and those of an ended thread no longer count", () => {
  const [memory, seed] = [limitsMemory(), randomSeed()];
  const settings = { ...UNLIMITED, uploads: 3 };
  const one = new HttpLimits(settings, memory, 0, seed);
  const two = new HttpLimits(settings, memory, 1, seed);
  const ends = [one.beginUpload(), two.beginUpload(), two.beginUpload()];
  expect(one.beginUpload()).toBeUndefined();
  ends[0]?.();
  expect(two.beginUpload()).toBeDefined();
  expect(two.beginUpload()).toBeUndefined();
  new HttpLimits(settings, memory, 1, seed);
  expect(one.beginUpload()).toBeDefined();
});

test("threads whose clocks differ a little count together", () => {
  const [memory, seed] = [limitsMemory(), randomSeed()];
  let now = 10_000;
  const settings = { ...UNLIMITED, requestsPerSecond: 10 };
  const [ahead, behind] = [30, 0].map(
    (skew, thread) => new HttpLimits(settings, memory, thread, seed, () => now + skew),
  );
  let count = 0;
  for (let i = 0; i < 200; i++)
    for (const limits of [ahead, behind]) if (limits?.admitRequest("192.0.2.1")) count++;
  expect(count).toBe(10);
  now += 1000;
  for (let i = 0; i < 200; i++)
    for (const limits of [behind, ahead]) if (limits?.admitRequest("192.0.2.1")) count++;
  expect(count).toBe(20);
});

test("all addresses of a /64 count as one", () => {
  let now = 1000;
  const settings = { ...UNLIMITED, requestsPerSecond: 10 };
  const limits = new HttpLimits(settings, limitsMemory(), 0, randomSeed(), () => now);
  const admitted = (address: (i: number) => string) =>
    Array.from({ length: 200 }, (_, i) => limits.admitRequest(address(i))).filter(Boolean).length;
  expect(admitted((i) => `2001:db8::${i.toString(16)}`)).toBe(10);
  expect(admitted((i) => `::ffff:192.0.2.${i % 2}`)).toBe(20);
  expect(admitted((i) => `192.0.2.${i % 2}`)).toBe(0);
  now += 1000;
  expect(admitted((i) => `2001:db8::${i.toString(16)}`)).toBe(10);
});
