import { Pace } from "../../../primitives/jobs/pace.ts";
import type { BlobStore } from "../../../primitives/store/engine/blobs.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { OciIndexReader } from "../index/oci-index-reader.ts";
import { sizeLookup } from "./blob-lookup.ts";

/** What one repository uses: configs and layers that its manifests name, each once, and the manifests. */
export interface RepositoryUsage {
  readonly repository: RepositoryName;
  /** Bytes of blobs that no other repository of the store names: what a deletion of this one frees in the end. */
  readonly ownBytes: number;
  /** Bytes of blobs that other repositories of the store name too. */
  readonly sharedBytes: number;
  readonly manifestBytes: number;
  readonly tags: number;
  readonly manifests: number;
}

/**
 * Measures all repositories of a state, the largest first, in short slices; looks up the size of each blob once. Rejects with
 * the signal's reason once that is aborted.
 */
export async function measureRepositories(
  blobs: Pick<BlobStore, "stat" | "total">,
  { blobUsers }: Pick<OciIndexReader, "blobUsers">,
  signal?: AbortSignal,
): Promise<RepositoryUsage[]> {
  const pace = new Pace(1, signal);
  const sizeOf = sizeLookup(blobs, { blobUsers });
  const bytes = new Map<number, { own: number; shared: number }>();
  for (const { blob, repositories } of blobUsers.blobs()) {
    await pace.rest();
    signal?.throwIfAborted();
    const size = await sizeOf(blob);
    for (const id of repositories) {
      const use = bytes.get(id) ?? { own: 0, shared: 0 };
      bytes.set(id, use);
      if (repositories.length === 1) use.own += size;
      else use.shared += size;
    }
  }
  const measured: RepositoryUsage[] = [];
  for (const { id, ...counts } of blobUsers.repositories()) {
    await pace.rest();
    signal?.throwIfAborted();
    const { own: ownBytes = 0, shared: sharedBytes = 0 } = bytes.get(id) ?? {};
    const { repository, manifestBytes, tags, manifests } = counts;
    measured.push({ repository, ownBytes, sharedBytes, manifestBytes, tags, manifests });
  }
  return measured.sort((a, b) => bytesOf(b) - bytesOf(a) || (a.repository < b.repository ? -1 : 1));
}

/** All bytes that a repository uses, shared or not. */
export function bytesOf({ ownBytes, sharedBytes, manifestBytes }: RepositoryUsage): number {
  return ownBytes + sharedBytes + manifestBytes;
}
