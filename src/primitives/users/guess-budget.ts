const ROWS = 2;
/** In a row, for what all threads count together. */
const MANY_SLOTS = 32_768;

/**
 * How often each of any number of subjects may guess within a time, in memory of a fixed size: each has a slot in two
 * rows, by hashes that nobody outside can foresee. Those that share a slot by one hash hardly do so by the other, and
 * count as what is less. So no client can push out a count by filling the memory.
 */
export class GuessBudget {
  readonly #max: number;
  readonly #windowMs: number;
  readonly #seed = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  readonly #slots: number;
  readonly #ends: Float64Array;
  readonly #counts: Uint16Array;

  /** `max` guesses in `windowMs` milliseconds, counted from the first. */
  constructor(max: number, windowMs: number, slots = MANY_SLOTS) {
    this.#max = max;
    this.#windowMs = windowMs;
    this.#slots = slots;
    this.#ends = new Float64Array(ROWS * slots);
    this.#counts = new Uint16Array(ROWS * slots);
  }

  /** Milliseconds until `subject` may guess again; 0 if it may now. `now` on a monotonic clock. */
  waitMs(subject: string, now: number): number {
    let wait = Number.POSITIVE_INFINITY;
    for (let row = 0; row < ROWS; row++) {
      const slot = this.#slot(subject, row);
      const left = (this.#ends[slot] ?? 0) - now;
      wait = Math.min(wait, left > 0 && (this.#counts[slot] ?? 0) >= this.#max ? left : 0);
    }
    return wait;
  }

  /** Guesses that are counted. */
  used(subject: string, now: number): number {
    let used = Number.POSITIVE_INFINITY;
    for (let row = 0; row < ROWS; row++) {
      const slot = this.#slot(subject, row);
      used = Math.min(used, (this.#ends[slot] ?? 0) > now ? (this.#counts[slot] ?? 0) : 0);
    }
    return used;
  }

  /** Counts a guess. What comes back takes it back. */
  take(subject: string, now: number): () => void {
    const taken = Array.from({ length: ROWS }, (_, row) => this.#takeFrom(this.#slot(subject, row), now));
    return () => {
      for (const giveBack of taken) giveBack();
    };
  }

  #takeFrom(slot: number, now: number): () => void {
    if ((this.#ends[slot] ?? 0) <= now) {
      this.#ends[slot] = now + this.#windowMs;
      this.#counts[slot] = 0;
    }
    const ends = this.#ends[slot];
    const count = this.#counts[slot] ?? 0;
    this.#counts[slot] = Math.min(count + 1, 0xffff);
    return () => {
      // In another window it is not counted any more.
      if (this.#ends[slot] === ends) this.#counts[slot] = Math.max((this.#counts[slot] ?? 0) - 1, 0);
    };
  }

  #slot(subject: string, row: number): number {
    return row * this.#slots + (Bun.hash.xxHash32(subject, this.#seed + row) % this.#slots);
  }
}
