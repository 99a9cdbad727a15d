/** Room in memory for what is kept for clients while they are slow. */
export class ByteRoom {
  readonly #capacity: number;
  #taken = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get taken(): number {
    return this.#taken;
  }

  /** Takes so many bytes; false if there is no room for them. What is larger than the whole has room when nothing else is there. */
  take(bytes: number): boolean {
    if (this.#taken > 0 && this.#taken + bytes > this.#capacity) return false;
    this.#taken += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#taken -= bytes;
  }
}
