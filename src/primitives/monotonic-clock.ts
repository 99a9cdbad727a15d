import { uptime } from "node:os";

/** Milliseconds since some moment. Nobody can set it back or forth, as the clock of the day can be. */
export type MonotonicClock = () => number;

export const monotonicMs: MonotonicClock = () => performance.now();

const QUESTIONS = 5;

/** A clock in step with another thread's: each thread counts from its own start. `ask` answers the other's time. */
export async function inStepWith(
  ask: () => Promise<number>,
  own: MonotonicClock = monotonicMs,
): Promise<MonotonicClock> {
  let best = { took: Number.POSITIVE_INFINITY, offset: 0 };
  for (let i = 0; i < QUESTIONS; i++) {
    const asked = own();
    const theirs = await ask();
    const answered = own();
    // The answer is taken to be half as old as the question, which is the less wrong the less time it took.
    const took = answered - asked;
    if (took < best.took) best = { took, offset: theirs - (asked + answered) / 2 };
  }
  const { offset } = best;
  return () => own() + offset;
}

/** In seconds. The runtime's clock begins with each thread; the machine's, in whole seconds, is the same for all of them. */
const THREAD_BEGAN = uptime() - performance.now() / 1000;

/**
 * Whole seconds, the same in every thread but for one. Unlike the time of day they are never set, and 32 bits hold 68 years of
 * them.
 */
export function secondsSinceBoot(): number {
  return Math.floor(THREAD_BEGAN + performance.now() / 1000);
}
