/** A memory budget in bytes for what the server buffers for slow clients. */
export class ByteBudget {
  readonly #capacity: number;
  #used = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get used(): number {
    return this.#used;
  }

  /** Returns false if there is no room for `bytes`. More than the whole capacity is admitted only while nothing is reserved. */
  reserve(bytes: number): boolean {
    if (this.#used > 0 && this.#used + bytes > this.#capacity) return false;
    this.#used += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#used -= bytes;
  }
}
