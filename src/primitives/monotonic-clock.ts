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
