import type { Release } from "../release.ts";
import { HashedSlots } from "./hashed-slots.ts";

/** Limits guesses in a time window for any number of subjects, in memory of fixed size; guesses beyond the limit count too. */
export class GuessBudget {
  readonly #max: number;
  readonly #windowMs: number;
  readonly #slots: HashedSlots;
  readonly #ends: Float64Array;
  readonly #counts: Uint16Array;

  /** Allows `max` guesses within `windowMs` milliseconds after the first. */
  constructor(max: number, windowMs: number, slots?: number) {
    this.#max = max;
    this.#windowMs = windowMs;
    this.#slots = new HashedSlots(slots);
    this.#ends = new Float64Array(this.#slots.length);
    this.#counts = new Uint16Array(this.#slots.length);
  }

  /** Milliseconds until `subject` may guess again; 0 if it may now. `now` is of a monotonic clock. */
  waitMs(subject: string, now: number): number {
    const waits = this.#slots.of(subject).map((slot) => {
      const left = (this.#ends[slot] ?? 0) - now;
      return left > 0 && (this.#counts[slot] ?? 0) >= this.#max ? left : 0;
    });
    return Math.min(...waits);
  }

  /** Counts a guess; the returned function undoes that. */
  take(subject: string, now: number): Release {
    const refunds = this.#slots.of(subject).map((slot) => this.#takeFrom(slot, now));
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
}
