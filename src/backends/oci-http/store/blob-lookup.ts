import { LruCache } from "../../../primitives/bounds/lru-cache.ts";
import type { Digest } from "../../../primitives/digest.ts";
import type { BlobStore } from "../../../primitives/store/engine/blobs.ts";
import { statedSizes } from "../content/manifest-sizes.ts";
import type { OciIndexReader } from "../index/oci-index-reader.ts";

/** Blobs of which the size is remembered until another one's is asked for. */
const MAX_SIZES = 200_000;

/**
 * Looks up sizes of many blobs, in bytes; 0 for what is absent. Where a look at each costs too much (`BlobStore.total`), the size
 * is what a manifest that names the blob states, which was compared when that was pushed.
 */
export function sizeLookup(
  blobs: Pick<BlobStore, "stat" | "total">,
  { blobUsers }: Pick<OciIndexReader, "blobUsers">,
): (blob: Digest) => Promise<number> {
  const stored = async (blob: Digest) => (await blobs.stat(blob))?.size ?? 0;
  if (!blobs.total) return stored;
  const stated = new LruCache<string, number>(MAX_SIZES);
  return async (blob) => {
    const known = stated.get(blob);
    if (known !== undefined) return known;
    for (const [digest, size] of statedSizes(blobUsers.manifestNaming(blob))) stated.set(digest, size);
    return stated.get(blob) ?? stored(blob);
  };
}
