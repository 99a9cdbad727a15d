import { ExpectedError } from "../expected-error.ts";

/** More work is waiting than the caller should be kept waiting for. */
export class OverloadedError extends ExpectedError {
  override readonly name = "OverloadedError";
  override readonly kind = "busy";
  constructor() {
    super("too much work is waiting already");
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

  /** Throws `OverloadedError` when too many wait already, and the signal's reason once it is aborted before the turn comes. */
  async run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    if (this.#free > 0) {
      this.#free--;
    } else {
      if (this.#waiting.length >= this.#maxWaiting) throw new OverloadedError();
      await this.#turn(signal);
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

  /** Who gives up leaves the line, so that no slot goes to nobody. */
  #turn(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(enter), 1);
        reject(signal?.reason);
      };
      const enter = () => {
        signal?.removeEventListener("abort", leave);
        resolve();
      };
      signal?.addEventListener("abort", leave, { once: true });
      this.#waiting.push(enter);
    });
  }
}
