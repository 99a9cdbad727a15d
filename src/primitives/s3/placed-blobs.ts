import { type Digest, digestHex } from "../digest.ts";
import { secondsSinceBoot } from "../monotonic-clock.ts";

/** A blob that this node has made lately. */
export interface PlacedBlob {
  /** Bytes. */
  readonly size: number;
  /** Whole seconds since it was made. */
  readonly age: number;
}

/** Digests share them by hash; a later one replaces the one before. */
const SLOTS = 16_384;
const HIGH = 2 ** 32;
/** The cells of a slot: a version that is odd while the slot is written, and what is known of one blob. */
const [VERSION, MADE, SIZE_HIGH, SIZE_LOW, STORE, DIGEST] = [0, 1, 2, 3, 4, 5];
/** Of a digest, each of 32 bits. */
const DIGEST_CELLS = 8;
const CELLS = DIGEST + DIGEST_CELLS;

/** Which blobs the threads of a node have made lately, in memory that they share. */
export class PlacedBlobs {
  readonly #cells: Int32Array;
  readonly #store: number;
  readonly #now: () => number;

  static memory(): SharedArrayBuffer {
    return new SharedArrayBuffer(SLOTS * CELLS * Int32Array.BYTES_PER_ELEMENT);
  }

  /** `now` returns whole seconds that never go back. */
  constructor(store: string, memory = PlacedBlobs.memory(), now = secondsSinceBoot) {
    this.#cells = new Int32Array(memory);
    this.#store = Bun.hash.xxHash32(store) | 0;
    this.#now = now;
  }

  /** `undefined` if it was not made within so many seconds, or is forgotten. */
  find(digest: Digest, seconds: number): PlacedBlob | undefined {
    const at = this.#slotOf(digest);
    const version = this.#read(at + VERSION);
    if (version === 0 || version % 2 === 1 || !this.#isOf(at, digest)) return undefined;
    const age = this.#now() - this.#read(at + MADE);
    const size = (this.#read(at + SIZE_HIGH) >>> 0) * HIGH + (this.#read(at + SIZE_LOW) >>> 0);
    const isWhole = this.#read(at + VERSION) === version;
    return isWhole && age < seconds ? { size, age: Math.max(age, 0) } : undefined;
  }

  note(digest: Digest, size: number): void {
    this.#write(digest, (at) => {
      this.#store32(at + MADE, this.#now());
      this.#store32(at + SIZE_HIGH, Math.floor(size / HIGH));
      this.#store32(at + SIZE_LOW, size);
      this.#store32(at + STORE, this.#store);
      for (const [i, word] of wordsOf(digest).entries()) this.#store32(at + DIGEST + i, word);
    });
  }

  forget(digest: Digest): void {
    const at = this.#slotOf(digest);
    if (this.#isOf(at, digest)) this.#write(digest, () => this.#store32(at + STORE, ~this.#store));
  }

  /** Nothing is noted while another thread writes to the same slot: a blob that is not known is asked for. */
  #write(digest: Digest, write: (at: number) => void): void {
    const at = this.#slotOf(digest);
    const version = this.#read(at + VERSION);
    if (version % 2 === 1 || Atomics.compareExchange(this.#cells, at, version, version + 1) !== version)
      return;
    write(at);
    Atomics.store(this.#cells, at + VERSION, version + 2);
  }

  #isOf(at: number, digest: Digest): boolean {
    if (this.#read(at + STORE) !== this.#store) return false;
    return wordsOf(digest).every((word, i) => this.#read(at + DIGEST + i) === word);
  }

  #slotOf(digest: Digest): number {
    return (Bun.hash.xxHash32(digest, this.#store >>> 0) % SLOTS) * CELLS;
  }

  #read(cell: number): number {
    return Atomics.load(this.#cells, cell);
  }

  #store32(cell: number, value: number): void {
    Atomics.store(this.#cells, cell, value);
  }
}

/** The first 256 bits of a digest. */
function wordsOf(digest: Digest): number[] {
  const hex = digestHex(digest);
  return Array.from({ length: DIGEST_CELLS }, (_, i) => Number.parseInt(hex.slice(8 * i, 8 * i + 8), 16) | 0);
}
