import type { Digest } from "../../digest.ts";
import { secondsSinceBoot } from "../../monotonic-clock.ts";

/**
 * Digests that are remembered; one that comes to the place of another is hashed once more than needed. Of their 8 MiB only
 * as much takes memory as is used.
 */
const SLOTS = 1 << 20;
/** A blob that is served is hashed again after so many seconds. */
const CHECK_EVERY = 24 * 60 * 60;
const SEED = 1;

/**
 * Which blobs were hashed lately, in memory that threads share. A file that a disk has damaged looks like a sound one, so
 * what is served is hashed when it is served first, and then once a day.
 */
export class BlobChecks {
  readonly memory: SharedArrayBuffer;
  /** For each slot, a hash of the digest and when it was hashed. */
  readonly #slots: Int32Array;
  readonly #now: () => number;

  /** With the memory of another thread's it is the same. `now` answers whole seconds that never go back. */
  constructor(memory?: SharedArrayBuffer, now = secondsSinceBoot) {
    this.memory = memory ?? new SharedArrayBuffer(2 * SLOTS * Int32Array.BYTES_PER_ELEMENT);
    this.#slots = new Int32Array(this.memory);
    this.#now = now;
  }

  isDue(digest: Digest): boolean {
    const { slot, mark } = placeOf(digest);
    if (Atomics.load(this.#slots, slot) !== mark) return true;
    return this.#now() - Atomics.load(this.#slots, slot + 1) >= CHECK_EVERY;
  }

  /** It was hashed, or is about to be. */
  note(digest: Digest): void {
    const { slot, mark } = placeOf(digest);
    Atomics.store(this.#slots, slot + 1, this.#now());
    Atomics.store(this.#slots, slot, mark);
  }

  /** It was not hashed after all. */
  forget(digest: Digest): void {
    const { slot, mark } = placeOf(digest);
    Atomics.compareExchange(this.#slots, slot, mark, 0);
  }
}

function placeOf(digest: Digest): { readonly slot: number; readonly mark: number } {
  const mark = Bun.hash.xxHash32(digest, SEED) | 0;
  // 0 stands for nothing.
  return { slot: 2 * (Bun.hash.xxHash32(digest) % SLOTS), mark: mark === 0 ? 1 : mark };
}
