import { uptime } from "node:os";

/** Milliseconds since an arbitrary time. Unlike the wall clock, it is never set back or forward. */
export type MonotonicClock = () => number;

export const monotonicMs: MonotonicClock = () => performance.now();

/** The same for all threads, unless the wall clock was set between their starts. */
export const processMs: MonotonicClock = () => performance.timeOrigin + performance.now();

const QUESTIONS = 5;

/** A clock synchronized with another thread's, because each thread's clock begins at its start. `ask` returns the other's time. */
export async function inStepWith(
  ask: () => Promise<number>,
  own: MonotonicClock = monotonicMs,
): Promise<MonotonicClock> {
  let best = { took: Number.POSITIVE_INFINITY, offset: 0 };
  for (let i = 0; i < QUESTIONS; i++) {
    const asked = own();
    const theirs = await ask();
    const answered = own();
    // The other's time is assumed to be half the round trip old; the shorter the round trip, the smaller the error.
    const took = answered - asked;
    if (took < best.took) best = { took, offset: theirs - (asked + answered) / 2 };
  }
  const { offset } = best;
  return () => own() + offset;
}

/** In seconds, from the machine's uptime: the runtime's clock starts with each thread, but the uptime is the same for all. */
const THREAD_BEGAN = uptime() - performance.now() / 1000;

/**
 * Whole seconds, which differ by at most one between threads. Unlike the wall clock they are never set, and 32 bits hold 68
 * years of them.
 */
export function secondsSinceBoot(): number {
  return Math.floor(THREAD_BEGAN + performance.now() / 1000);
}
