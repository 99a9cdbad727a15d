import { HashedSlots } from "./hashed-slots.ts";

/** Undoes the count of a guess, at a later time of the same clock. Call it once. */
export type Refund = (now: number) => void;

/**
 * Limits guesses of any number of subjects, in memory of fixed size. The budget refills evenly, so a subject that used it up
 * waits for one guess only, not for the whole window.
 */
export class RefillingBudget {
  readonly #windowMs: number;
  /** Time in which one guess is refilled. */
  readonly #stepMs: number;
  readonly #slots = new HashedSlots();
  /** When the budget of each slot is full again, if nothing more is taken. */
  readonly #fullAt = new Float64Array(this.#slots.length);

  /** Allows `max` guesses at once, and refills that many within `windowMs` milliseconds. */
  constructor(max: number, windowMs: number) {
    this.#windowMs = windowMs;
    this.#stepMs = windowMs / max;
  }

  /** Milliseconds until `subject` may guess again; 0 if it may now. `now` is of a monotonic clock. */
  waitMs(subject: string, now: number): number {
    // Rounded down, so that a fraction of a millisecond from a division delays nobody.
    return Math.max(0, Math.floor(this.#missingMs(subject, now) + this.#stepMs - this.#windowMs));
  }

  /** The number of guesses that are not refilled yet. */
  used(subject: string, now: number): number {
    return Math.ceil(this.#missingMs(subject, now) / this.#stepMs);
  }

  /** Counts a guess; no more than the whole budget, so that no subject waits longer for it. */
  take(subject: string, now: number): Refund {
    const taken = this.#slots.of(subject).map((slot) => {
      const before = Math.max(this.#fullAt[slot] ?? 0, now);
      const after = Math.min(before + this.#stepMs, now + this.#windowMs);
      this.#fullAt[slot] = after;
      return { slot, ms: after - before };
    });
    return (later) => {
      // What has been refilled meanwhile is not refunded: it may have been taken again.
      for (const { slot, ms } of taken)
        this.#fullAt[slot] = (this.#fullAt[slot] ?? 0) - Math.max(0, ms - (later - now));
    };
  }

  /** Milliseconds until the budget is full. */
  #missingMs(subject: string, now: number): number {
    return Math.min(...this.#slots.of(subject).map((slot) => Math.max(0, (this.#fullAt[slot] ?? 0) - now)));
  }
}
