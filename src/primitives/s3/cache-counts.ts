const [USED, HITS, MISSES, HIT_BYTES] = [0, 1, 2, 3];
const CELLS = 4;

/** What the threads of a node share about its cache of blobs. */
export class CacheCounts {
  readonly #cells: BigInt64Array;

  static memory(): SharedArrayBuffer {
    return new SharedArrayBuffer(CELLS * BigInt64Array.BYTES_PER_ELEMENT);
  }

  constructor(memory = CacheCounts.memory()) {
    this.#cells = new BigInt64Array(memory);
  }

  /** Bytes of all files, and of those that are being filled. */
  get used(): number {
    return this.#read(USED);
  }

  /** Blobs that were opened and are in the cache, those that are not, and the bytes of the former. */
  get hits(): number {
    return this.#read(HITS);
  }

  get misses(): number {
    return this.#read(MISSES);
  }

  get hitBytes(): number {
    return this.#read(HIT_BYTES);
  }

  setUsed(bytes: number): void {
    Atomics.store(this.#cells, USED, BigInt(bytes));
  }

  addUsed(bytes: number): void {
    this.#add(USED, bytes);
  }

  hit(bytes: number): void {
    this.#add(HITS, 1);
    this.#add(HIT_BYTES, bytes);
  }

  missed(): void {
    this.#add(MISSES, 1);
  }

  #add(cell: number, amount: number): void {
    Atomics.add(this.#cells, cell, BigInt(amount));
  }

  #read(cell: number): number {
    return Number(Atomics.load(this.#cells, cell));
  }
}
