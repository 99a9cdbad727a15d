import type { Digest } from "../../digest.ts";
import { Pace } from "../../jobs/pace.ts";
import type { BlobStore } from "../engine/blobs.ts";
import type { BlobChecks } from "./blob-checks.ts";

/** Blobs that may wait to be hashed; more come to their turn when they are asked for again. */
const MAX_WAITING = 10_000;
/** It rests so many times as long as it works. */
const REST_PER_WORK = 9;

/** Hashes blobs beside everything else, one after the other; what it finds damaged is set aside and reported by the store. */
export class BlobAuditor {
  readonly #blobs: Pick<BlobStore, "verify">;
  readonly #checks: BlobChecks;
  readonly #failed: (error: unknown) => void;
  readonly #waiting = new Set<Digest>();
  #running: Promise<void> | undefined;
  readonly #closing = new AbortController();

  constructor(blobs: Pick<BlobStore, "verify">, checks: BlobChecks, failed: (error: unknown) => void) {
    this.#blobs = blobs;
    this.#checks = checks;
    this.#failed = failed;
  }

  add(digest: Digest): void {
    if (this.#waiting.size >= MAX_WAITING || this.#closing.signal.aborted) {
      this.#checks.forget(digest);
      return;
    }
    this.#waiting.add(digest);
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const pace = new Pace(REST_PER_WORK);
    const { signal } = this.#closing;
    const step = () => {
      signal.throwIfAborted();
      return pace.rest();
    };
    for (const digest of this.#waiting) {
      this.#waiting.delete(digest);
      try {
        await this.#blobs.verify(digest, step);
      } catch (error) {
        if (signal.aborted) return;
        // A file that can't be read for now says nothing of its bytes.
        this.#checks.forget(digest);
        this.#failed(error);
      }
    }
  }
}
