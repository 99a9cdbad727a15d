/** Retries that may be sent at once after a quiet time, and how many requests that succeed earn another one. */
const MAX_RETRIES = 50;
const EARNED_BY = 10;

/** Limits retries to a share of the requests, so that a store that is overloaded is not asked several times as often. All threads share it. */
export class RetryBudget {
  /** What was spent, in parts of a retry that one success earns. */
  readonly #spent: Int32Array;

  static memory(): SharedArrayBuffer {
    return new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  }

  constructor(memory = RetryBudget.memory()) {
    this.#spent = new Int32Array(memory);
  }

  succeeded(): void {
    const spent = Atomics.load(this.#spent, 0);
    // What two threads earn at the same time may count once.
    if (spent > 0) Atomics.compareExchange(this.#spent, 0, spent, spent - 1);
  }

  /** Whether a retry may be sent. */
  spend(): boolean {
    if (Atomics.add(this.#spent, 0, EARNED_BY) <= (MAX_RETRIES - 1) * EARNED_BY) return true;
    Atomics.sub(this.#spent, 0, EARNED_BY);
    return false;
  }
}
