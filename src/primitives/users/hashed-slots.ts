const ROWS = 2;
/** Slots in each row, by default. */
const MANY_SLOTS = 32_768;

/**
 * Gives each of any number of subjects a slot in two rows, by two hashes with a secret seed, so that counts need memory of
 * fixed size: the count of a subject is the smaller of its two. Two subjects rarely share both slots, and no client can
 * evict a count by filling the memory.
 */
export class HashedSlots {
  readonly #seed = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  readonly #slots: number;
  /** Slots in all rows together. */
  readonly length: number;

  constructor(slots = MANY_SLOTS) {
    this.#slots = slots;
    this.length = ROWS * slots;
  }

  of(subject: string): number[] {
    return Array.from({ length: ROWS }, (_, row) => this.#slot(subject, row));
  }

  #slot(subject: string, row: number): number {
    return row * this.#slots + (Bun.hash.xxHash32(subject, this.#seed + row) % this.#slots);
  }
}
