import type { MonotonicClock } from "../../../monotonic-clock.ts";

/**
 * A write into the page cache takes a tenth of a millisecond, unless the kernel makes the writer wait for the disk. A thread that
 * waits for a processor looks the same: another thread then writes without need, which costs some processor time.
 */
const SLOW_WRITE_MS = 3;
/** How long another thread writes after that. */
const SLOW_FOR_MS = 5000;

/** Whether this thread may write files itself: small requests must not wait for a disk that is slower than the clients. */
export class DiskPace {
  readonly #now: MonotonicClock;
  #slowUntil = Number.NEGATIVE_INFINITY;

  constructor(now: MonotonicClock = () => performance.now()) {
    this.#now = now;
  }

  get isFast(): boolean {
    return this.#now() >= this.#slowUntil;
  }

  /** Runs a write and looks how long it blocks this thread. */
  measure<T>(write: () => T): T {
    const began = this.#now();
    const result = write();
    const ended = this.#now();
    if (ended - began > SLOW_WRITE_MS) this.#slowUntil = ended + SLOW_FOR_MS;
    return result;
  }
}
