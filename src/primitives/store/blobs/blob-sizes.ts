import { DIGEST_ALGORITHMS, type Digest, digestAlgorithm, digestHex } from "../../digest.ts";
import { Pace } from "../../jobs/pace.ts";
import type { BlobStore, BlobTotal } from "../engine/blobs.ts";

export interface BlobSizes {
  readonly blobs: number;
  readonly bytes: number;
}

/** A count is this old before another begins, for what nobody told of, such as damaged blobs set aside. */
const MAX_AGE_MS = 60 * 60 * 1000;

/** Changes that are remembered until the next count. */
const MAX_CHANGES = 100_000;

/** Thrown to end a count early. */
class CountEnded extends Error {}

/**
 * How much the blobs of a store take: counted once in the background, and from then on by what comes and goes. What is
 * told while a count goes on is added where that has been already.
 */
export class BlobSizeCounter {
  readonly #blobs: Pick<BlobStore, "list" | "stat" | "total">;
  readonly #failed: (error: unknown) => void;
  #latest: { blobs: number; bytes: number } | undefined;
  #walk: Walk | undefined;
  /** Of the last hours, for a total that another node has counted before; the oldest first. */
  #changes: { readonly at: number; readonly blobs: number; readonly bytes: number }[] = [];
  #counted = Number.NEGATIVE_INFINITY;
  #counting: Promise<void> | undefined;
  #isClosing = false;

  constructor(blobs: Pick<BlobStore, "list" | "stat" | "total">, failed: (error: unknown) => void) {
    this.#blobs = blobs;
    this.#failed = failed;
  }

  /** Begins a count if there was none, or long ago. */
  latest(): BlobSizes | undefined {
    if (!this.#counting && !this.#isClosing && performance.now() - this.#counted > MAX_AGE_MS) {
      this.#counting = this.#count()
        .catch((error) => {
          if (!(error instanceof CountEnded)) this.#failed(error);
        })
        .finally(() => {
          this.#counted = performance.now();
          this.#counting = undefined;
        });
    }
    return this.#latest;
  }

  /** Waits for the first count, if none was made yet. */
  async first(): Promise<BlobSizes> {
    const known = this.latest();
    if (known) return known;
    await this.#counting;
    return this.#latest ?? { blobs: 0, bytes: 0 };
  }

  /** A blob has come that was not there before. */
  added(digest: Digest, bytes: number): void {
    this.#change(digest, 1, bytes);
  }

  /** A blob has gone. */
  removed(digest: Digest, bytes: number): void {
    this.#change(digest, -1, -bytes);
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#counting;
  }

  #change(digest: Digest, blobs: number, bytes: number): void {
    for (const sizes of [this.#latest, this.#walk?.hasPassed(digest, blobs < 0) ? this.#walk : undefined]) {
      if (!sizes) continue;
      sizes.blobs += blobs;
      sizes.bytes += bytes;
    }
    if (!this.#blobs.total) return;
    this.#changes.push({ at: performance.now(), blobs, bytes });
    if (this.#changes.length > MAX_CHANGES) this.#changes.shift();
  }

  /** From what some node has counted, and what this node has changed since. */
  async #useTotal(counting: Promise<BlobTotal | undefined>): Promise<void> {
    const total = await counting;
    if (!total) return;
    const since = performance.now() - total.ageMs;
    this.#changes = this.#changes.filter(({ at }) => at > since);
    const latest = { blobs: total.blobs, bytes: total.bytes };
    for (const { blobs, bytes } of this.#changes) {
      latest.blobs += blobs;
      latest.bytes += bytes;
    }
    this.#latest = latest;
  }

  async #count(): Promise<void> {
    const step = () => {
      if (this.#isClosing) throw new CountEnded();
    };
    if (this.#blobs.total) return this.#useTotal(this.#blobs.total(step));
    const walk = new Walk();
    this.#walk = walk;
    const pace = new Pace(1);
    try {
      for await (const page of this.#blobs.list()) {
        for (const digest of page) {
          await pace.rest();
          if (this.#isClosing) return;
          walk.see(digest, (await this.#blobs.stat(digest))?.size);
        }
      }
      this.#latest = { blobs: walk.blobs, bytes: walk.bytes };
    } finally {
      this.#walk = undefined;
    }
  }
}

/** A count under way, directory by directory in the order of `BlobStore.list`, each listed when the walk comes to it. */
class Walk {
  blobs = 0;
  bytes = 0;
  #directory = -1;
  /** Of this directory. */
  #seen = new Set<Digest>();

  see(digest: Digest, size: number | undefined): void {
    const directory = directoryOf(digest);
    if (directory !== this.#directory) {
      this.#directory = directory;
      this.#seen = new Set();
    }
    if (size === undefined) return;
    this.#seen.add(digest);
    this.blobs++;
    this.bytes += size;
  }

  /** Whether what becomes of a blob now is no longer noticed by the walk. */
  hasPassed(digest: Digest, isRemoved: boolean): boolean {
    const directory = directoryOf(digest);
    if (directory !== this.#directory) return directory < this.#directory;
    return this.#seen.has(digest) === isRemoved;
  }
}

function directoryOf(digest: Digest): number {
  const algorithm = DIGEST_ALGORITHMS.indexOf(digestAlgorithm(digest));
  return algorithm * 256 + Number.parseInt(digestHex(digest).slice(0, 2), 16);
}
