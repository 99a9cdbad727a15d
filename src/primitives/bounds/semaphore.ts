import { ExpectedError } from "../expected-error.ts";

/** The queue for a resource is full. */
export class OverloadedError extends ExpectedError {
  override readonly name = "OverloadedError";
  override readonly kind = "busy";
  constructor() {
    super("the server is busy: too many operations are waiting");
  }
}

/** Runs a limited number of operations at once and queues a limited number. */
export class Semaphore {
  #free: number;
  readonly #maxWaiting: number;
  readonly #waiting: (() => void)[] = [];

  constructor(slots: number, maxWaiting: number) {
    this.#free = slots;
    this.#maxWaiting = maxWaiting;
  }

  /** Rejects with `OverloadedError` if the queue is full, and with the signal's reason if it is aborted while queued. */
  async run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    if (this.#free > 0) {
      this.#free--;
    } else {
      if (this.#waiting.length >= this.#maxWaiting) throw new OverloadedError();
      await this.#acquire(signal);
    }
    try {
      return await work();
    } finally {
      // The slot passes directly to the next in the queue.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    }
  }

  /** An aborted waiter leaves the queue, so that no slot is lost to it. */
  #acquire(signal: AbortSignal | undefined): Promise<void> {
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
