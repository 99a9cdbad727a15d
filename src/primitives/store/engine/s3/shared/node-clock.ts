import { type MonotonicClock, monotonicMs } from "../../../../monotonic-clock.ts";
import type { Release } from "../../../../release.ts";

/** The clocks and timers of a node, in milliseconds. */
export interface NodeClock {
  /** Never runs ahead, but may stand still while the machine is suspended. */
  readonly now: MonotonicClock;
  /** Goes on while the machine is suspended, but may be set. */
  readonly wall: () => number;
  /** Runs the task once after so many milliseconds, unless the returned function is called before. */
  after(ms: number, task: () => Promise<void>): Release;
}

export const systemNodeClock: NodeClock = {
  now: monotonicMs,
  wall: Date.now,
  after: (ms, task) => {
    const timer = setTimeout(() => void task(), Math.max(ms, 0));
    // A process that has nothing else to do may end.
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** A moment by both clocks. */
export interface LeaseMoment {
  readonly now: number;
  readonly wall: number;
}

export function momentOf(clock: NodeClock): LeaseMoment {
  return { now: clock.now(), wall: clock.wall() };
}

/** At least the time that has passed since then, unless the wall clock was set back while the machine was suspended. */
export function longestSince(then: LeaseMoment, clock: NodeClock): number {
  return Math.max(clock.now() - then.now, clock.wall() - then.wall);
}
