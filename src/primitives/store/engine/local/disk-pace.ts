import type { MonotonicClock } from "../../../monotonic-clock.ts";

/** Writes are judged each time that they have blocked this thread for so long: shorter waits are for a processor. */
const JUDGED_AFTER_MS = 100;
/** The page cache takes some GB/s, and a twentieth of it from a thread that waits for a processor. */
const SLOW_BYTES_PER_MS = 64 * 1024;
/** How long another thread writes after that. */
const SLOW_FOR_MS = 5000;

/** Whether this thread may write files itself: small requests must not wait for a disk that is slower than the clients. */
export class DiskPace {
  readonly #now: MonotonicClock;
  #slowUntil = Number.NEGATIVE_INFINITY;
  #bytes = 0;
  #ms = 0;

  constructor(now: MonotonicClock = () => performance.now()) {
    this.#now = now;
  }

  get isFast(): boolean {
    return this.#now() >= this.#slowUntil;
  }

  /** Runs a write, which answers how many bytes it has written, and looks how long it blocks this thread. */
  measure(write: () => number): number {
    const began = this.#now();
    const bytes = write();
    const ended = this.#now();
    this.#bytes += bytes;
    this.#ms += ended - began;
    if (this.#ms < JUDGED_AFTER_MS) return bytes;
    if (this.#bytes < this.#ms * SLOW_BYTES_PER_MS) this.#slowUntil = ended + SLOW_FOR_MS;
    this.#bytes = 0;
    this.#ms = 0;
    return bytes;
  }
}
