import { LruCache } from "../lru-cache.ts";

/** Failures within the window after which a subject has to wait for its end. */
const MAX_FAILURES = 10;
const WINDOW_MS = 60_000;
/** Each failure is answered later than the one before, by this step up to that limit. */
const DELAY_STEP_MS = 100;
const MAX_DELAY_MS = 1000;
/** Subjects remembered; bounds the memory that an attacker with many names can fill. */
const MAX_SUBJECTS = 50_000;

interface Failures {
  readonly count: number;
  readonly windowEnds: number;
}

/** Slows and then stops repeated failures of one subject, such as a user at an address. */
export class FailureLimiter {
  readonly #failures = new LruCache<string, Failures>(MAX_SUBJECTS);

  /** Seconds until the subject may try again; 0 if it may now. */
  lockedFor(subject: string): number {
    const { count, windowEnds } = this.#current(subject);
    return count >= MAX_FAILURES ? Math.ceil((windowEnds - Date.now()) / 1000) : 0;
  }

  /** Counts a failure and tells how many milliseconds to wait before saying so. */
  fail(subject: string): number {
    const { count, windowEnds } = this.#current(subject);
    this.#failures.set(subject, { count: count + 1, windowEnds });
    return Math.min((count + 1) * DELAY_STEP_MS, MAX_DELAY_MS);
  }

  clear(subject: string): void {
    this.#failures.delete(subject);
  }

  #current(subject: string): Failures {
    const known = this.#failures.get(subject);
    return known && known.windowEnds > Date.now() ? known : { count: 0, windowEnds: Date.now() + WINDOW_MS };
  }
}
