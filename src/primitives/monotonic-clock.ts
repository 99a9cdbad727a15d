/** Milliseconds since some moment. Nobody can set it back or forth, as the clock of the day can be. */
export type MonotonicClock = () => number;

export const monotonicMs: MonotonicClock = () => performance.now();

/** A clock in step with another thread's: each thread counts from its own start. `ask` answers the other's time. */
export async function inStepWith(
  ask: () => Promise<number>,
  own: MonotonicClock = monotonicMs,
): Promise<MonotonicClock> {
  const asked = own();
  const theirs = await ask();
  // The answer is taken to be half as old as the question.
  const offset = theirs - (asked + own()) / 2;
  return () => own() + offset;
}
