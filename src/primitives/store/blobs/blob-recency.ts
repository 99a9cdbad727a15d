import type { Digest } from "../../digest.ts";
import { secondsSinceBoot } from "../../monotonic-clock.ts";

/** Times that digests share by hash; sharing one keeps a blob longer than needed, never shorter. */
const SLOTS = 262_144;

/** Before everything, whatever the clock says. */
const NEVER = -(2 ** 31);

/**
 * When each blob was last asked for, in memory that threads share. Who touches a blob before looking whether it is there
 * can rely on the answer for the time of grace: a collector looks here after it has taken the blob away, and puts it back.
 */
export class BlobRecency {
  readonly memory: SharedArrayBuffer;
  readonly #seconds: Int32Array;
  readonly #now: () => number;

  /**
   * With the memory of another thread's it is the same; without, everything counts as asked for at this moment. `now`
   * answers whole seconds that never go back.
   */
  constructor(memory?: SharedArrayBuffer, now = secondsSinceBoot) {
    this.memory = memory ?? new SharedArrayBuffer(SLOTS * Int32Array.BYTES_PER_ELEMENT);
    this.#seconds = new Int32Array(this.memory);
    this.#now = now;
    if (!memory) this.#seconds.fill(now());
  }

  touch(digest: Digest): void {
    Atomics.store(this.#seconds, slotOf(digest), this.#now());
  }

  /** Nothing counts as asked for any more; for when nobody can be in the middle of a push. */
  clear(): void {
    this.#seconds.fill(NEVER);
  }

  wasTouchedWithin(seconds: number, digest: Digest): boolean {
    return Atomics.load(this.#seconds, slotOf(digest)) >= this.#now() - seconds;
  }
}

function slotOf(digest: Digest): number {
  return Bun.hash.xxHash32(digest) % SLOTS;
}
