/** Retries that may be sent at once after a quiet time, and how many requests that succeed earn another one. */
const MAX_RETRIES = 50;
const EARNED_BY = 10;

/** Limits retries to a share of the requests, so that a store that is overloaded is not asked several times as often. */
export class RetryBudget {
  #left = MAX_RETRIES;

  succeeded(): void {
    this.#left = Math.min(this.#left + 1 / EARNED_BY, MAX_RETRIES);
  }

  /** Whether a retry may be sent. */
  spend(): boolean {
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}
