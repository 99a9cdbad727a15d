import { type MonotonicClock, processMs } from "../monotonic-clock.ts";

/** Without any answer for so long (ms), the server counts as away. */
const AWAY_AFTER_MS = 2500;
/** Requests to a server that is away are given this time (ms). */
const PATIENCE_MS = 2000;
/** While the server is away, one thread looks in this time (ms) whether it is back. */
const LOOK_EVERY_MS = 1000;
/** How long it counts as away after the last attempt (ms). */
const FORGET_MS = 30_000;

const [FIRST, LAST, LOOKED, ANSWERED] = [0, 1, 2, 3];
const CELLS = 4;
/** Times are kept as more than this. */
const NEVER = 0n;

/** Whether a server is away: then requests are not sent, so that nobody waits for them. All threads share it. */
export class Outage {
  readonly #now: MonotonicClock;
  /** Since when attempts get no answer, when the last of them failed, when a thread looked, and when an answer came. */
  readonly #cells: BigInt64Array;

  static memory(): SharedArrayBuffer {
    return new SharedArrayBuffer(CELLS * BigInt64Array.BYTES_PER_ELEMENT);
  }

  constructor(memory = Outage.memory(), now: MonotonicClock = processMs) {
    this.#cells = new BigInt64Array(memory);
    this.#now = now;
  }

  get isOn(): boolean {
    const [first, last] = [Atomics.load(this.#cells, FIRST), Atomics.load(this.#cells, LAST)];
    if (first === NEVER) return false;
    return last - first >= AWAY_AFTER_MS && this.#time() - last < FORGET_MS;
  }

  /** Whether the caller is to look now, for all threads, whether the server is back. */
  isLookDue(): boolean {
    const looked = Atomics.load(this.#cells, LOOKED);
    const now = this.#time();
    if (now - looked < LOOK_EVERY_MS) return false;
    return Atomics.compareExchange(this.#cells, LOOKED, looked, now) === looked;
  }

  /** How long a request may take that usually has so many milliseconds. */
  patience(ms: number): number {
    return this.isOn ? Math.min(ms, PATIENCE_MS) : ms;
  }

  answered(): void {
    Atomics.store(this.#cells, ANSWERED, this.#time());
    Atomics.store(this.#cells, FIRST, NEVER);
  }

  /** An attempt that took so many milliseconds got no answer, or one that says that the server can't. */
  failed(tookMs: number): void {
    const now = this.#time();
    const isForgotten = now - Atomics.load(this.#cells, LAST) >= FORGET_MS;
    if (isForgotten) Atomics.store(this.#cells, FIRST, NEVER);
    const began = now - BigInt(Math.round(tookMs));
    // Another request may have been answered meanwhile.
    const answered = Atomics.load(this.#cells, ANSWERED);
    const since = began > answered ? began : answered;
    Atomics.compareExchange(this.#cells, FIRST, NEVER, since > NEVER ? since : 1n);
    Atomics.store(this.#cells, LAST, now);
  }

  #time(): bigint {
    return BigInt(Math.round(this.#now())) + 1n;
  }
}
