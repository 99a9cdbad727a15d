import type { Digest } from "../../primitives/digest.ts";
import type { JobRun } from "../../primitives/jobs/job-runner.ts";
import { Pace } from "../../primitives/jobs/pace.ts";
import type { RepositoryName } from "../../registry/repository-name.ts";
import type { OciStore } from "./oci-store.ts";

export interface GarbagePolicy {
  /** What was uploaded or asked for within so many seconds is kept, needed or not. */
  readonly graceSeconds: number;
  /** What manifests named that were removed within so many seconds is kept; `undefined`: for ever. */
  readonly retentionSeconds: number | undefined;
}

export interface Garbage {
  /** Upload sessions that nobody goes on with. */
  readonly uploads: number;
  readonly blobs: number;
  readonly bytes: number;
}

/** An upload that nobody went on with for so long is given up; clients resume within minutes or days. */
const UPLOAD_EXPIRY_MS = 7 * 24 * 60 * 60 * 1000;
const MAX_LINKS_AT_ONCE = 200;

/**
 * Removes the blobs of a store that nothing needs any more, while it serves: no manifest of now, of a served past state, or
 * of the history as far as it is retained names them, and nobody uploaded or asked for them lately.
 */
export async function collectGarbage(
  oci: OciStore,
  { graceSeconds, retentionSeconds }: GarbagePolicy,
  { isDryRun, signal, progress }: JobRun,
): Promise<Garbage> {
  const uploads = isDryRun ? 0 : await oci.uploads.expire(UPLOAD_EXPIRY_MS);
  // What stock git has committed is needed as well.
  await oci.store.follow();
  // What a commit removes leaves the index at once, and is known to the history once that has caught up.
  let removals = oci.derived.removals;
  await oci.history.catchUp();
  const now = Math.floor(Date.now() / 1000);
  const isLate = (digest: Digest) => oci.recency.wasTouchedWithin(graceSeconds, digest);
  const isNamed = (digest: Digest): boolean => {
    if (oci.servedIndexes().some((index) => index.isNeeded(digest))) return true;
    const removedAt = oci.history.removedAt(digest);
    return removedAt !== undefined && (retentionSeconds === undefined || removedAt > now - retentionSeconds);
  };
  const pace = new Pace(1);
  if (!isDryRun) await dropOldLinks(oci, now - graceSeconds, isLate, pace, signal);

  let [seen, blobs, bytes] = [0, 0, 0];
  for (const digest of oci.blobs.list()) {
    seen++;
    const resting = pace.rest();
    if (resting !== undefined) {
      progress(`${oci.location.store}: ${seen} blobs looked at, ${blobs} removed`);
      await resting;
      if (signal.aborted) break;
    }
    const isUnneeded = () =>
      oci.derived.removals === removals &&
      !isLate(digest) &&
      !isNamed(digest) &&
      !oci.links.isLinkedSince(digest, isDryRun ? now - graceSeconds : 0);
    if (oci.derived.removals !== removals) {
      removals = oci.derived.removals;
      await oci.history.catchUp();
    }
    if (!isUnneeded()) continue;
    const size = oci.blobs.size(digest);
    if (size === undefined || (!isDryRun && !oci.blobs.remove(digest, isUnneeded))) continue;
    blobs++;
    bytes += size;
  }
  return { uploads, blobs, bytes };
}

/** Forgets that blobs were uploaded to repositories where no manifest came to name them. */
async function dropOldLinks(
  oci: OciStore,
  before: number,
  isLate: (digest: Digest) => boolean,
  pace: Pace,
  signal: AbortSignal,
): Promise<void> {
  let last: { scope: string; digest: Digest } | undefined;
  do {
    const links = oci.links.olderThan(before, last, MAX_LINKS_AT_ONCE);
    for (const { scope, digest } of links) {
      const isNamed = oci.index.refersToBlob(scope as RepositoryName, digest);
      // A link of what a manifest names is kept: it would be missed when that manifest goes and is pushed again.
      if (!isNamed && !isLate(digest)) oci.links.drop(scope, digest, () => !isLate(digest));
      const resting = pace.rest();
      if (resting !== undefined) await resting;
    }
    last = links.at(-1);
  } while (last && !signal.aborted);
}
