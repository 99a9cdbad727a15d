import type { Digest } from "../../../primitives/digest.ts";
import type { Store } from "../../../primitives/store/commits/store.ts";
import type { BlobStore } from "../../../primitives/store/engine/blobs.ts";
import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import { parseStoredManifest } from "../../../registry/model/manifest.ts";
import { committedManifests } from "../content/committed-manifests.ts";

/**
 * The missing configs and layers of the newest commit's manifests, each with one manifest that names it, as
 * `repository@digest`. Non-distributable layers may be missing. Rejects with `CorruptObjectError` if a manifest can't be
 * read.
 */
export async function missingBlobs(
  commits: Pick<Store, "at"> & { readonly head: ObjectId | undefined },
  blobs: Pick<BlobStore, "stat">,
): Promise<ReadonlyMap<Digest, string>> {
  const missing = new Map<Digest, string>();
  if (!commits.head) return missing;
  const present = new Set<Digest>();
  for await (const { repository, digest, content } of committedManifests(commits, commits.head)) {
    for (const blob of parseStoredManifest(content)?.blobs ?? []) {
      if (present.has(blob) || missing.has(blob)) continue;
      if (!(await blobs.stat(blob))) missing.set(blob, `${repository}@${digest}`);
      else present.add(blob);
    }
  }
  return missing;
}
