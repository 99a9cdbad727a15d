/** Bounds how long a request waits in all for background work, however many parts of it wait. */
export class WaitBudget {
  readonly #now: () => number;
  #leftMs: number;

  /** `now` in milliseconds. */
  constructor(ms: number, now = () => performance.now()) {
    this.#leftMs = ms;
    this.#now = now;
  }

  /** Calls `wait` with the time that is left (ms), and takes off what it took. */
  async spend<T>(wait: (ms: number) => Promise<T>): Promise<T> {
    const began = this.#now();
    try {
      return await wait(Math.max(this.#leftMs, 0));
    } finally {
      this.#leftMs -= this.#now() - began;
    }
  }
}
