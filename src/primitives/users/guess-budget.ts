import type { Release } from "../release.ts";

const ROWS = 2;
/** Slots in each row, by default. */
const MANY_SLOTS = 32_768;

/**
 * Limits guesses in a time window for any number of subjects, in memory of fixed size. Each subject has a slot in two rows,
 * by two hashes with a secret seed, and its count is the smaller one: two subjects rarely share both slots. So no client can
 * evict a count by filling the memory.
 */
export class GuessBudget {
  readonly #max: number;
  readonly #windowMs: number;
  readonly #seed = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  readonly #slots: number;
  readonly #ends: Float64Array;
  readonly #counts: Uint16Array;

  /** Allows `max` guesses within `windowMs` milliseconds after the first. */
  constructor(max: number, windowMs: number, slots = MANY_SLOTS) {
    this.#max = max;
    this.#windowMs = windowMs;
    this.#slots = slots;
    this.#ends = new Float64Array(ROWS * slots);
    this.#counts = new Uint16Array(ROWS * slots);
  }

  /** Milliseconds until `subject` may guess again; 0 if it may now. `now` is of a monotonic clock. */
  waitMs(subject: string, now: number): number {
    let wait = Number.POSITIVE_INFINITY;
    for (let row = 0; row < ROWS; row++) {
      const slot = this.#slot(subject, row);
      const left = (this.#ends[slot] ?? 0) - now;
      wait = Math.min(wait, left > 0 && (this.#counts[slot] ?? 0) >= this.#max ? left : 0);
    }
    return wait;
  }

  /** The number of counted guesses. */
  used(subject: string, now: number): number {
    let used = Number.POSITIVE_INFINITY;
    for (let row = 0; row < ROWS; row++) {
      const slot = this.#slot(subject, row);
      used = Math.min(used, (this.#ends[slot] ?? 0) > now ? (this.#counts[slot] ?? 0) : 0);
    }
    return used;
  }

  /** Counts a guess; the returned function undoes that. */
  take(subject: string, now: number): Release {
    const refunds = Array.from({ length: ROWS }, (_, row) => this.#takeFrom(this.#slot(subject, row), now));
    return () => {
      for (const refund of refunds) refund();
    };
  }

  #takeFrom(slot: number, now: number): Release {
    if ((this.#ends[slot] ?? 0) <= now) {
      this.#ends[slot] = now + this.#windowMs;
      this.#counts[slot] = 0;
    }
    const ends = this.#ends[slot];
    const count = this.#counts[slot] ?? 0;
    this.#counts[slot] = Math.min(count + 1, 0xffff);
    return () => {
      // A later window does not contain this guess.
      if (this.#ends[slot] === ends) this.#counts[slot] = Math.max((this.#counts[slot] ?? 0) - 1, 0);
    };
  }

  #slot(subject: string, row: number): number {
    return row * this.#slots + (Bun.hash.xxHash32(subject, this.#seed + row) % this.#slots);
  }
}
