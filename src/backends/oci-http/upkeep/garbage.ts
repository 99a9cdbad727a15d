import type { Digest } from "../../../primitives/digest.ts";
import type { JobRun } from "../../../primitives/jobs/job-runner.ts";
import { Pace } from "../../../primitives/jobs/pace.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { OciStore } from "../store/oci-store.ts";
import { type Disagreement, GarbageCandidates } from "./garbage-candidates.ts";

export interface GarbagePolicy {
  /** Blobs uploaded or requested within this time (seconds) are kept, needed or not; see also `BlobStore.minGraceSeconds`. */
  readonly graceSeconds: number;
  /** Blobs named by manifests removed within this time (seconds) are kept; `undefined`: for ever. */
  readonly retentionSeconds: number | undefined;
}

export interface Garbage {
  /** Number of abandoned upload sessions that were removed. */
  readonly uploads: number;
  readonly blobs: number;
  readonly bytes: number;
  /** Why nothing was removed, one per line. */
  readonly problems: readonly string[];
}

const AT_ONCE = 200;
/** Blobs that are removed at the same time: each may take several requests to a distant storage. */
const REMOVED_AT_ONCE = 16;
const DROPPED_AT_ONCE = 64;
const PROGRESS_EVERY_MS = 100;
/** The derived database that should know a manifest. */
const FILES = {
  stored: "index.sqlite",
  frozen: "the index of a past state",
  removed: "history.sqlite",
};
/** Bounds the memory of a pass; each pass walks the commits once. */
const MAX_CANDIDATES = 200_000;

/**
 * Removes the unneeded blobs of a store while it serves requests: no manifest of the newest state, of a served past state or
 * of the retained history names them, and no client uploaded or requested them recently. The indexes select the
 * candidates; the commits must confirm them, and if they disagree nothing is removed.
 */
export async function collectGarbage(
  oci: OciStore,
  policy: GarbagePolicy,
  run: JobRun,
  now = oci.links.time().getTime(),
): Promise<Garbage> {
  // Manifests committed by stock git are needed as well. Rejects if the branch is gone: everything would look unneeded.
  await oci.store.follow();
  const uploads = run.isDryRun ? 0 : await oci.expireUploads();
  await oci.history.catchUp(run.signal);
  const collection = new Collection(oci, policy, run, Math.floor(now / 1000));
  await collection.run();
  return { uploads, ...collection };
}

interface CandidateLink {
  readonly scope: RepositoryName;
  readonly digest: Digest;
}

class Collection {
  blobs = 0;
  bytes = 0;
  problems: readonly string[] = [];
  readonly #oci: OciStore;
  readonly #run: JobRun;
  readonly #pace: Pace;
  readonly #graceSeconds: number;
  /** Seconds since the epoch; `undefined`: everything is retained. */
  readonly #retainedSince: number | undefined;
  /** Links made before (seconds since the epoch) may go. */
  readonly #linkedBefore: number;
  #seen = 0;
  /** When progress was last reported (`performance.now()`). */
  #reportedAt = 0;

  /** `now` in seconds since the epoch. */
  constructor(oci: OciStore, { graceSeconds, retentionSeconds }: GarbagePolicy, run: JobRun, now: number) {
    this.#oci = oci;
    this.#run = run;
    this.#pace = new Pace(1, run.signal);
    this.#graceSeconds = Math.max(graceSeconds, oci.blobs.minGraceSeconds ?? graceSeconds);
    this.#retainedSince = retentionSeconds === undefined ? undefined : now - retentionSeconds;
    this.#linkedBefore = now - this.#graceSeconds;
  }

  async run(): Promise<void> {
    const links = this.#unneededLinks();
    const blobs = this.#unneededBlobs();
    for (let isOver = false; !isOver && !this.#run.signal.aborted; ) {
      const began = performance.now();
      const candidates = new GarbageCandidates(this.#oci, this.#retainedSince);
      const linksLeft = await take(links, candidates, ({ scope, digest }) =>
        candidates.addLink(scope, digest),
      );
      // A blob is removed only when none of its links is left.
      const blobsLeft = linksLeft || (await take(blobs, candidates, (digest) => candidates.addBlob(digest)));
      isOver = !linksLeft && !blobsLeft;
      if (candidates.size === 0 || this.#run.signal.aborted) continue;
      const verdict = await candidates.compareWithCommits(() => this.#step("commits compared"));
      if (verdict.disagreements.length > 0) {
        this.problems = await this.#repair(verdict.disagreements);
        return;
      }
      if (verdict.isWhole) await this.#remove(candidates, began);
    }
  }

  /** Starts the rebuild of the damaged databases from the commits, and returns the problems, one per line. */
  async #repair(disagreements: readonly Disagreement[]): Promise<string[]> {
    const lines: string[] = [];
    const reason = "it does not know all that the commits need";
    for (const { manifest, digest } of disagreements) {
      const { repository, digest: named, why } = manifest;
      lines.push(`${FILES[why.kind]} did not know that ${repository}@${named} names ${digest}`);
      if (why.kind === "stored") this.#oci.damaged({ reason, path: this.#oci.location.indexPath });
      if (why.kind === "frozen") this.#oci.damagedAt(why.at, reason);
    }
    if (disagreements.some(({ manifest: { why } }) => why.kind === "removed"))
      await this.#oci.history.rebuild(reason, this.#run.signal);
    return [...lines, "nothing was removed"];
  }

  /**
   * A client that names a blob again touches it first, so a blob not touched since the pass `began` (`performance.now()`, ms)
   * is still unneeded.
   */
  async #remove(candidates: GarbageCandidates, began: number): Promise<void> {
    const seconds = () => Math.max(this.#graceSeconds, Math.floor((performance.now() - began) / 1000) + 1);
    if (!this.#run.isDryRun) {
      for (const some of slices(candidates.links(), DROPPED_AT_ONCE)) {
        await Promise.all(some.map((link) => this.#dropLink(link, seconds)));
        if (!(await this.#step("links dropped"))) return;
      }
    }
    for (const some of slices(candidates.blobs(), REMOVED_AT_ONCE)) {
      if (!(await this.#step("removing"))) return;
      await Promise.all(some.map((digest) => this.#removeBlob(digest, seconds)));
      this.#pace.rested();
    }
  }

  /** `seconds`: for how long a link of a blob that was asked for is kept. */
  async #dropLink({ scope, digest }: CandidateLink, seconds: () => number): Promise<void> {
    const { blobs, recency, links } = this.#oci;
    const isUnneeded = () =>
      !recency.wasTouchedWithin(seconds(), digest) && !this.#oci.index.names(scope, digest);
    if (!isUnneeded()) return;
    if (!blobs.wasTouchedWithin) return links.drop(scope, digest, isUnneeded);
    if (await blobs.wasTouchedWithin(seconds(), digest)) return;
    // Also as other nodes see it, see `#removeBlob`.
    await links.drop(scope, digest, async () => {
      if (await blobs.wasTouchedWithin?.(seconds(), digest)) return false;
      await this.#oci.store.refresh(0);
      return isUnneeded();
    });
  }

  /** `seconds`: for how long a blob that was asked for is kept. */
  async #removeBlob(digest: Digest, seconds: () => number): Promise<void> {
    const { blobs, recency } = this.#oci;
    const linkedSince = this.#run.isDryRun ? this.#linkedBefore : 0;
    // The index and the links may be replaced meanwhile: read them from the store each time.
    const isUnneeded = async () =>
      !recency.wasTouchedWithin(seconds(), digest) &&
      !this.#oci.servedIndexes().some((index) => index.isNeeded(digest)) &&
      !(await this.#oci.links.isLinkedSince(digest, linkedSince));
    /** Also as other nodes see it. */
    const isUnneededByAll = async () => {
      // First the traces: a node leaves one before it looks for the blob, and what it commits comes after.
      if (await blobs.wasTouchedWithin?.(seconds(), digest)) return false;
      await this.#oci.store.refresh(0);
      return isUnneeded();
    };
    const size = (await isUnneeded()) ? (await blobs.stat(digest))?.size : undefined;
    if (size === undefined) return;
    if (!this.#run.isDryRun) {
      if (!(await blobs.remove(digest, isUnneededByAll))) return;
      this.#oci.sizes.removed(digest, size);
    }
    this.blobs++;
    this.bytes += size;
  }

  /** Links of blobs that were uploaded to a repository and that no manifest there names. */
  async *#unneededLinks(): AsyncGenerator<{ readonly scope: RepositoryName; readonly digest: Digest }> {
    let last: { readonly scope: string; readonly digest: Digest } | undefined;
    do {
      const page = await this.#oci.links.olderThan(this.#linkedBefore, last, AT_ONCE);
      for (const { scope, digest } of page) {
        if (!(await this.#step("links looked at"))) return;
        const repository = scope as RepositoryName;
        // A link is kept while a manifest names its blob: a client that deletes and pushes the manifest again needs it.
        if (!this.#isRecent(digest) && !this.#oci.index.names(repository, digest))
          yield { scope: repository, digest };
      }
      last = page.at(-1);
    } while (last);
  }

  async *#unneededBlobs(): AsyncGenerator<Digest> {
    for await (const some of batches(this.#oci.blobs.list(), AT_ONCE)) {
      this.#seen += some.length;
      if (!(await this.#step("blobs looked at"))) return;
      yield* await this.#unneededOf(some);
    }
  }

  async #unneededOf(blobs: readonly Digest[]): Promise<readonly Digest[]> {
    const { history, links } = this.#oci;
    let left = blobs.filter((digest) => !this.#isRecent(digest));
    const without = (kept: { has(digest: Digest): boolean }) => {
      left = left.filter((digest) => !kept.has(digest));
    };
    without(await links.linkedSince(left, this.#linkedBefore));
    for (const index of this.#oci.servedIndexes()) without(index.neededOf(left));
    const removed = history.removedAtOf(left);
    return left.filter((digest) => {
      const seconds = removed.get(digest);
      return seconds === undefined || (this.#retainedSince !== undefined && seconds <= this.#retainedSince);
    });
  }

  #isRecent(digest: Digest): boolean {
    return this.#oci.recency.wasTouchedWithin(this.#graceSeconds, digest);
  }

  /** Reports progress and rests; false once the run is cancelled. */
  async #step(what: string): Promise<boolean> {
    const now = performance.now();
    if (now - this.#reportedAt >= PROGRESS_EVERY_MS) {
      this.#reportedAt = now;
      const { store } = this.#oci.location;
      this.#run.progress(`${store}: ${what}; ${this.#seen} blobs looked at, ${this.blobs} removed`);
    }
    const resting = this.#pace.rest();
    if (resting !== undefined) await resting;
    return !this.#run.signal.aborted;
  }
}

/** Fills the candidates up to their bound; returns whether the source may have more. */
async function take<T>(
  source: AsyncGenerator<T>,
  candidates: GarbageCandidates,
  add: (item: T) => void,
): Promise<boolean> {
  while (candidates.size < MAX_CANDIDATES) {
    const next = await source.next();
    if (next.done) return false;
    add(next.value);
  }
  return true;
}

function* slices<T>(items: Iterable<T>, size: number): Generator<T[]> {
  let slice: T[] = [];
  for (const item of items) {
    slice.push(item);
    if (slice.length < size) continue;
    yield slice;
    slice = [];
  }
  if (slice.length > 0) yield slice;
}

async function* batches<T>(pages: AsyncIterable<readonly T[]>, size: number): AsyncGenerator<T[]> {
  let batch: T[] = [];
  for await (const page of pages) {
    for (const item of page) {
      batch.push(item);
      if (batch.length < size) continue;
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
}
