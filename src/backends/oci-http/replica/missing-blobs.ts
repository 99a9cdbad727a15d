import { DIGEST_ALGORITHMS, type Digest, digestAlgorithm } from "../../../primitives/digest.ts";
import { nextTurn } from "../../../primitives/jobs/next-turn.ts";
import { orAborted } from "../../../primitives/jobs/or-aborted.ts";
import { lackingBlobs } from "../../../primitives/store/transfer/lacking-blobs.ts";
import type { OciStore } from "../store/oci-store.ts";
import type { BlobFetcher } from "./blob-fetcher.ts";

export interface MissingBlobsOptions {
  readonly oci: Pick<OciStore, "index" | "blobs">;
  readonly fetcher: Pick<BlobFetcher, "fetch">;
  /** Is told how many are missing. */
  readonly changed: (count: number) => void;
  /** Pauses before a blob is asked for again (ms); the last one is repeated. */
  readonly pausesMs?: readonly number[] | undefined;
}

const PAUSES_MS: readonly number[] = [5, 15, 60, 300, 900, 3600].map((seconds) => seconds * 1000);
/** Blobs that are asked for in one round, and the pause between two rounds (ms): a primary may lack many for ever. */
const MAX_ROUND = 200;
const ROUND_MS = 60_000;
const PAGE = 1000;

interface Missing {
  tries: number;
  /** When it is due, by `performance.now`. */
  due: number;
}

/**
 * Blobs that manifests name and that the primary did not have: if it is a mirror, it fetches them when somebody pulls them, and
 * makes no commit of that. They are asked for again, less and less often, for as long as a manifest names them.
 */
export class MissingBlobs {
  readonly #options: MissingBlobsOptions;
  readonly #pausesMs: readonly number[];
  readonly #missing = new Map<Digest, Missing>();
  #added = Promise.withResolvers<void>();

  constructor(options: MissingBlobsOptions) {
    this.#options = options;
    this.#pausesMs = options.pausesMs ?? PAUSES_MS;
  }

  add(digest: Digest): void {
    if (this.#missing.has(digest)) return;
    this.#missing.set(digest, { tries: 0, due: performance.now() + this.#pauseAfter(0) });
    this.#added.resolve();
    this.#options.changed(this.#missing.size);
  }

  /** Finds those that are missing since earlier runs. */
  async find(signal: AbortSignal): Promise<void> {
    const { blobs } = this.#options.oci;
    for await (const digest of lackingBlobs(this.#named(signal), blobs.list())) this.add(digest);
  }

  /** Asks for them until `signal` is aborted; `failed` is told why it could not. */
  async run(signal: AbortSignal, failed: (error: unknown) => void): Promise<void> {
    while (!signal.aborted) {
      this.#added = Promise.withResolvers();
      const now = performance.now();
      const due = [...this.#missing].filter((entry) => entry[1].due <= now).slice(0, MAX_ROUND);
      try {
        for (const [digest, missing] of due) await this.#ask(digest, missing, signal);
      } catch (error) {
        if (signal.aborted) return;
        // The others would fail in the same way.
        failed(error);
      }
      const next = Math.min(...[...this.#missing.values()].map((each) => each.due), now + ROUND_MS);
      const pause = due.length === MAX_ROUND ? ROUND_MS : Math.max(0, next - performance.now());
      await orAborted(Promise.race([Bun.sleep(pause), this.#added.promise]), signal);
    }
  }

  async #ask(digest: Digest, missing: Missing, signal: AbortSignal): Promise<void> {
    const { oci, fetcher } = this.#options;
    missing.due = performance.now() + this.#pauseAfter(++missing.tries);
    const isNamed = oci.index.repositoriesWith(digest, 1).length > 0;
    if (!isNamed || (await fetcher.fetch(digest, signal)) !== "lacking") this.#missing.delete(digest);
    this.#options.changed(this.#missing.size);
  }

  #pauseAfter(tries: number): number {
    return this.#pausesMs[Math.min(tries, this.#pausesMs.length - 1)] ?? 0;
  }

  /** All blobs that manifests name, in the order of `BlobStore.list`. */
  async *#named(signal: AbortSignal): AsyncGenerator<Digest[]> {
    for (const algorithm of DIGEST_ALGORITHMS) {
      let page: Digest[] = [];
      for (const { blob } of this.#options.oci.index.blobUsers.blobs()) {
        if (digestAlgorithm(blob) === algorithm) page.push(blob);
        if (page.length < PAGE) continue;
        yield page;
        page = [];
        await nextTurn();
        signal.throwIfAborted();
      }
      yield page;
    }
  }
}
