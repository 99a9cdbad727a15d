import type { Digest } from "../../../primitives/digest.ts";
import { nextTurn } from "../../../primitives/jobs/next-turn.ts";
import { type Manifest, type NamedContent, referencedDigests } from "../../../registry/model/manifest.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { ReferenceFaults } from "../../../registry/model/storage.ts";
import type { Policy } from "./instance-policy.ts";
import { isLinked } from "./linked-blobs.ts";
import type { StoreView } from "./store-view.ts";

/** Look-ups after which the thread yields to other requests. */
const AT_ONCE = 200;

/** A manifest that is about to be stored in a repository, and the content that it names. */
interface Checked {
  readonly repository: RepositoryName;
  readonly manifest: Manifest;
  readonly named: readonly NamedContent[];
}

/** Finds what a manifest names and the repository lacks, or holds in another size. */
export async function checkReferences(
  oci: StoreView,
  { references }: Policy,
  { repository, manifest, named }: Checked,
): Promise<ReferenceFaults> {
  // Garbage collection must not remove anything the manifest names before it is stored, whether required or not.
  for (const digest of referencedDigests(manifest)) oci.recency.touch(digest);
  if (references === "sparse") return { missing: [], missized: [] };
  const missing = new Set<Digest>();
  const missized: ReferenceFaults["missized"][number][] = [];
  // A manifest may name the same content many times.
  const sizes = {
    blob: new Map<Digest, number | undefined>(),
    manifest: new Map<Digest, number | undefined>(),
  };
  for (const { kind, digest, size: stated } of named) {
    const known = kind === "blob" ? sizes.blob : sizes.manifest;
    if (!known.has(digest)) {
      known.set(
        digest,
        await (kind === "blob"
          ? blobSize(oci, repository, digest)
          : oci.index.manifestSize(repository, digest)),
      );
      if ((sizes.blob.size + sizes.manifest.size) % AT_ONCE === 0) await nextTurn();
    }
    const actual = known.get(digest);
    if (actual === undefined && kind !== "subject") missing.add(digest);
    if (actual !== undefined && actual !== stated) missized.push({ digest, stated, actual });
  }
  return { missing: [...missing], missized };
}

/** In bytes; `undefined` if the repository does not hold the blob. */
async function blobSize(
  oci: StoreView,
  repository: RepositoryName,
  digest: Digest,
): Promise<number | undefined> {
  return (await isLinked(oci, repository, digest)) ? (await oci.blobs.stat(digest))?.size : undefined;
}
