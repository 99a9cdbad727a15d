import { type MonotonicClock, monotonicMs } from "../monotonic-clock.ts";

/** Without any answer for so long (ms), the server counts as away. */
const AWAY_AFTER_MS = 3000;
/** Requests to a server that is away are given this time (ms), so that clients soon learn of it. */
const PATIENCE_MS = 2000;
/** How long it counts as away after the last attempt (ms). */
const FORGET_MS = 30_000;

/** Whether a server is away: then a request is neither given much time nor repeated, so that nothing waits for long. */
export class Outage {
  readonly #now: MonotonicClock;
  /** When the first of the attempts began to fail that got no answer, and the last one did. */
  #first: number | undefined;
  #last = Number.NEGATIVE_INFINITY;

  constructor(now: MonotonicClock = monotonicMs) {
    this.#now = now;
  }

  get isOn(): boolean {
    if (this.#first === undefined) return false;
    return this.#last - this.#first >= AWAY_AFTER_MS && this.#now() - this.#last < FORGET_MS;
  }

  /** How long a request may take that usually has so many milliseconds. */
  patience(ms: number): number {
    return this.isOn ? Math.min(ms, PATIENCE_MS) : ms;
  }

  answered(): void {
    this.#first = undefined;
  }

  /** An attempt that began at `began` got no answer, or one that says that the server can't. */
  failed(began: number): void {
    this.#first ??= began;
    this.#last = this.#now();
  }
}
