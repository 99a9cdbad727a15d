import { Pace } from "../../primitives/jobs/pace.ts";
import type { BlobStore } from "../../primitives/store/blob-store.ts";

export interface BlobSizes {
  readonly blobs: number;
  readonly bytes: number;
}

/** A count is this old before another begins. */
const MAX_AGE_MS = 5 * 60 * 1000;

/** How much the blobs of a store take, counted in the background when somebody asks. */
export class BlobSizeCounter {
  readonly #blobs: BlobStore;
  readonly #failed: (error: unknown) => void;
  #latest: BlobSizes | undefined;
  #counted = Number.NEGATIVE_INFINITY;
  #counting: Promise<void> | undefined;
  #isClosing = false;

  constructor(blobs: BlobStore, failed: (error: unknown) => void) {
    this.#blobs = blobs;
    this.#failed = failed;
  }

  /** As of the last count, and begins another if that is long ago. */
  latest(): BlobSizes | undefined {
    if (!this.#counting && !this.#isClosing && performance.now() - this.#counted > MAX_AGE_MS) {
      this.#counting = this.#count()
        .catch(this.#failed)
        .finally(() => {
          this.#counted = performance.now();
          this.#counting = undefined;
        });
    }
    return this.#latest;
  }

  /** Waits for the first count, if none was made yet. */
  async first(): Promise<BlobSizes> {
    this.latest();
    await this.#counting;
    return this.#latest ?? { blobs: 0, bytes: 0 };
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#counting;
  }

  async #count(): Promise<void> {
    let [blobs, bytes] = [0, 0];
    const pace = new Pace(1);
    for (const digest of this.#blobs.list()) {
      await pace.rest();
      if (this.#isClosing) return;
      const size = this.#blobs.size(digest);
      if (size === undefined) continue;
      blobs++;
      bytes += size;
    }
    this.#latest = { blobs, bytes };
  }
}
