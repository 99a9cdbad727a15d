import type { Digest } from "../../../primitives/digest.ts";
import type { UpstreamFailure } from "../../../registry/client/upstream-answer.ts";
import { parsePushedManifest } from "../../../registry/model/manifest.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import { InstanceUploads } from "../store/instance-uploads.ts";
import { isLinked } from "../store/linked-blobs.ts";
import type { OciStore } from "../store/oci-store.ts";
import { BlobFetch } from "./blob-fetch.ts";
import { failureForClient } from "./failure-for-client.ts";
import { partiesOf } from "./fetch-parties.ts";
import { FetchTurns } from "./fetch-turns.ts";
import type { MirroredBlob } from "./mirror-calls.ts";
import type { UpstreamRequest } from "./mirrored-registry.ts";
import { NegativeMemory } from "./negative-memory.ts";
import { cameTo, isOfOwnImage } from "./own-blob.ts";

/** Manifests that are looked at for the size of a blob. */
const MAX_NAMERS = 10;

export interface BlobFetchesOptions {
  readonly failed: (fetch: UpstreamRequest, failure: UpstreamFailure) => void;
  /** Called each time that upstream breaks off a blob, of which the rest is then asked for. */
  readonly brokeOff: (fetch: UpstreamRequest, failure: UpstreamFailure) => void;
  /** Called for each piece that arrives. */
  readonly received: (fetch: UpstreamRequest, bytes: number) => void;
  /** Called for each fetch that failed here, such as for want of room. */
  readonly broken: (fetch: UpstreamRequest, digest: Digest, error: unknown) => void;
  /** Called for each blob that was fetched and kept. */
  readonly fetched: (fetch: UpstreamRequest) => void;
}

/** Fetches blobs, on the thread that owns the stores. Whoever asks for a blob that is being fetched shares that fetch. */
export class BlobFetches {
  readonly #options: BlobFetchesOptions;
  readonly #turns = new FetchTurns();
  /** Of requests by HEAD. */
  readonly #headTurns = new FetchTurns();
  readonly #begun = new Map<string, Promise<MirroredBlob>>();
  readonly #running = new Set<Promise<unknown>>();
  readonly #unknown = new NegativeMemory();
  readonly #stopping = new AbortController();

  constructor(options: BlobFetchesOptions) {
    this.#options = options;
  }

  /** How many are under way or wait for their turn. */
  get count(): number {
    return this.#begun.size;
  }

  /** Resolves as soon as the first bytes can be read; with `isHead`, as soon as the size is known. */
  async blob(fetch: UpstreamRequest, digest: Digest, isHead: boolean): Promise<MirroredBlob> {
    const { registry, repository, health } = fetch;
    const { oci } = registry;
    const isHere = (await isLinked(oci, repository, digest)) && (await oci.blobs.stat(digest)) !== undefined;
    if (isHere && (await cameTo(oci, repository, digest))) return { kind: "stored" };
    const key = keyOf(fetch, digest);
    const begun = this.#begun.get(key);
    if (begun !== undefined) return begun;
    const { limited } = health;
    if (limited) return failureForClient(limited);
    if (this.#unknown.has(key)) return { kind: "unknown" };
    if (!isHere && !isHead) return this.#begin(fetch, digest, key);
    const found = await this.#head(fetch, digest);
    if (found.kind === "unknown") this.#unknown.add(key);
    if (found.kind !== "found") return failureForClient(found);
    if (isHere) {
      await oci.changes.linkBlob(repository, digest, 0);
      return { kind: "stored" };
    }
    const size = found.size ?? statedSize(oci, repository, digest);
    return size === undefined ? this.#begin(fetch, digest, key) : { kind: "absent", size };
  }

  /** What upstream did not give is asked for again at once. */
  forgetMisses(): void {
    this.#unknown.clear();
  }

  /** Ends all fetches; resolves when none is left. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error("the server stops"));
    await Promise.allSettled(this.#running);
  }

  /**
   * Whether upstream has the blob in this repository, by HEAD. What other repositories have brought is not fetched again, but it
   * is given to nobody who could not get it from upstream or did not push it.
   */
  async #head(
    fetch: UpstreamRequest,
    digest: Digest,
  ): Promise<{ readonly kind: "found"; readonly size: number | undefined } | UpstreamFailure> {
    const { registry, from, repository, health } = fetch;
    const answer = await this.#headTurns.run(partiesOf(fetch), () =>
      from.upstream.headBlob(from.name, digest),
    );
    if (answer.kind === "found") return answer;
    if (await isOfOwnImage(registry.oci, repository, digest)) return { kind: "found", size: undefined };
    if (answer.kind !== "unknown") {
      health.note(answer);
      this.#options.failed(fetch, answer);
    }
    return answer;
  }

  #begin(fetch: UpstreamRequest, digest: Digest, key: string): Promise<MirroredBlob> {
    const { promise, resolve, reject } = Promise.withResolvers<MirroredBlob>();
    promise.catch(() => undefined);
    this.#begun.set(key, promise);
    const { oci } = fetch.registry;
    const running = this.#turns
      .run(partiesOf(fetch), () =>
        oci.inUse((closing) =>
          this.#run(fetch, digest, AbortSignal.any([closing, this.#stopping.signal]), resolve).catch(
            (error): MirroredBlob => {
              if (!closing.aborted) throw error;
              return { kind: "unavailable", reason: "the registry was closed during the fetch" };
            },
          ),
        ),
      )
      .then((outcome) => {
        if (outcome.kind === "unknown") this.#unknown.add(key);
        resolve(outcome);
      })
      .catch((error) => {
        // Whoever reads it already is cut off, and learns no more.
        if (!this.#stopping.signal.aborted) this.#options.broken(fetch, digest, error);
        reject(error);
      })
      .finally(() => {
        this.#begun.delete(key);
        this.#running.delete(running);
      });
    this.#running.add(running);
    return promise;
  }

  async #run(
    fetch: UpstreamRequest,
    digest: Digest,
    signal: AbortSignal,
    begun: (blob: MirroredBlob) => void,
  ): Promise<MirroredBlob> {
    const { registry, from, repository, author, health } = fetch;
    const { config, oci } = registry;
    const uploads = new InstanceUploads(oci, () => author, config);
    const blobFetch = new BlobFetch(
      { repository, digest, from, size: statedSize(oci, repository, digest) },
      { uploads, directory: oci.directory },
      {
        signal,
        begun: (growing) => {
          health.noteSound();
          begun(growing);
        },
        received: (bytes) => this.#options.received(fetch, bytes),
        brokeOff: (failure) => this.#options.brokeOff(fetch, failure),
      },
    );
    const failure = await blobFetch.run();
    if (!failure) {
      this.#options.fetched(fetch);
      return { kind: "stored" };
    }
    if (failure.kind === "refused" || "retryAfterSeconds" in failure || failure.kind === "unsound")
      return failure;
    if (failure.kind !== "unknown") {
      health.note(failure);
      this.#options.failed(fetch, failure);
    }
    return failureForClient(failure);
  }
}

/** The size of a blob in bytes, as a manifest of the repository states it. */
function statedSize(oci: OciStore, repository: RepositoryName, digest: Digest): number | undefined {
  for (const namer of oci.index.namersOf(repository, digest, MAX_NAMERS)) {
    const content = oci.index.manifest(repository, namer)?.content;
    const parsed = content && parsePushedManifest(content);
    const named =
      parsed && "named" in parsed ? parsed.named.find((each) => each.digest === digest) : undefined;
    if (named) return named.size;
  }
  return undefined;
}

/** Equal digests of other repositories are other requests: whether upstream has a blob, and how fast, differs. */
function keyOf({ registry, from, repository }: UpstreamRequest, digest: Digest): string {
  return `${registry.config.name} ${from.upstream.url} ${repository} ${digest}`;
}
