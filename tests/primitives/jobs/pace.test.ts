import { expect, test } from "bun:test";
import { Pace } from "../../../src/primitives/jobs/pace.ts";

/** Longer than background work may go on without a rest. */
function work(ms = 5): void {
  for (const began = performance.now(); performance.now() - began < ms; );
}

test("background work rests after a slice, for a multiple of the time that it worked", async () => {
  const pace = new Pace(3);
  work();
  const began = performance.now();
  const rest = pace.rest();
  expect(rest).toBeDefined();
  await rest;
  expect(performance.now() - began).toBeGreaterThanOrEqual(14);
});

test("background work continues without a rest if the thread was just free", () => {
  const pace = new Pace(1000);
  work();
  pace.rested();
  expect(pace.rest()).toBeUndefined();
});

test("background work does not rest after an abort", async () => {
  const abort = new AbortController();
  const pace = new Pace(1_000_000, abort.signal);
  work();
  const rest = pace.rest();
  abort.abort();
  await rest;
});
