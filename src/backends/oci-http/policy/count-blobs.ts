import type { Digest } from "../../../primitives/digest.ts";
import { Pace } from "../../../primitives/jobs/pace.ts";
import type { BlobStore } from "../../../primitives/store/engine/blobs.ts";
import type { LinkStore } from "../../../primitives/store/engine/links.ts";
import { parseStoredManifest } from "../../../registry/model/manifest.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import { statedSizes } from "../content/manifest-sizes.ts";
import type { OciIndexReader } from "../index/oci-index-reader.ts";

/** The parts of a store that tell what its repositories hold. */
export interface CountedContent {
  readonly blobs: Pick<BlobStore, "stat" | "total">;
  readonly index: OciIndexReader;
  readonly links: Pick<LinkStore, "blobsOf">;
}

/** The blobs that manifests of a repository name or that are linked to it, each once, and their bytes; counted in short slices. */
export async function countBlobs(
  { blobs: stored, index, links }: CountedContent,
  repository: RepositoryName,
): Promise<{ readonly blobs: Set<Digest>; readonly bytes: number }> {
  const pace = new Pace(1);
  const blobs = new Set(await links.blobsOf(repository));
  const sizes = new Map<string, number>();
  for (const digest of index.manifestsOf(repository)) {
    await pace.rest();
    const content = index.manifest(repository, digest)?.content;
    for (const blob of parseStoredManifest(content)?.blobs ?? []) blobs.add(blob);
    // Where a look at each blob costs too much.
    if (stored.total) for (const [blob, size] of statedSizes(content)) sizes.set(blob, size);
  }
  let bytes = 0;
  for (const digest of blobs) {
    await pace.rest();
    bytes += sizes.get(digest) ?? (await stored.stat(digest))?.size ?? 0;
  }
  return { blobs, bytes };
}
