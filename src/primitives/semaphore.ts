/** More work is waiting than the caller should be kept waiting for. */
export class OverloadedError extends Error {
  constructor() {
    super("too much work is waiting already");
    this.name = "OverloadedError";
  }
}

/** Lets a bounded number run at once and a bounded number wait. */
export class Semaphore {
  #free: number;
  readonly #maxWaiting: number;
  readonly #waiting: (() => void)[] = [];

  constructor(slots: number, maxWaiting: number) {
    this.#free = slots;
    this.#maxWaiting = maxWaiting;
  }

  /** Throws `OverloadedError` when too many wait already. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) {
      this.#free--;
    } else {
      if (this.#waiting.length >= this.#maxWaiting) throw new OverloadedError();
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    try {
      return await work();
    } finally {
      // The slot goes straight to the next in line, or it is free again.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    }
  }
}
