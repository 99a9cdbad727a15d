import type { Digest } from "../../../primitives/digest.ts";
import { nextTurn } from "../../../primitives/jobs/next-turn.ts";
import { type Manifest, type NamedContent, referencedDigests } from "../../../registry/model/manifest.ts";
import { manifestKind } from "../../../registry/model/media-types.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { ReferenceFaults } from "../../../registry/model/storage.ts";
import type { Policy } from "./instance-policy.ts";
import { isLinked } from "./linked-blobs.ts";
import type { StoreView } from "./store-view.ts";

/** Look-ups after which the thread yields to other requests. */
const AT_ONCE = 200;
const DISTANT_AT_ONCE = 16;
/**
 * Pauses in milliseconds after which what is missing is looked for again where several nodes use the storage: while a collector
 * on another node decides about a blob or a link, that is out of sight, also for a client that has just asked for it.
 */
const LOOKED_AGAIN_AFTER_MS = [100, 200, 400];

/** A manifest that is about to be stored in a repository, and the content that it names. */
interface Checked {
  readonly repository: RepositoryName;
  readonly manifest: Manifest;
  readonly named: readonly NamedContent[];
}

/** Finds what a manifest names and the repository lacks, or holds in another size or as another kind of manifest. */
export async function checkReferences(
  oci: StoreView,
  policy: Policy,
  checked: Checked,
): Promise<ReferenceFaults> {
  let faults = await check(oci, policy, checked);
  if (!Object.values(faults).some(({ length }) => length > 0)) return faults;
  // Another node may have changed what was looked at.
  const refreshing = oci.refresh();
  if (refreshing === undefined) return faults;
  await refreshing;
  faults = await check(oci, policy, checked);
  if (!oci.blobs.touch) return faults;
  for (const pause of LOOKED_AGAIN_AFTER_MS) {
    if (faults.missing.length === 0) break;
    await Bun.sleep(pause);
    await oci.refresh();
    faults = await check(oci, policy, checked);
  }
  return faults;
}

async function check(
  oci: StoreView,
  { references }: Policy,
  { repository, manifest, named }: Checked,
): Promise<ReferenceFaults> {
  // Garbage collection must not remove anything the manifest names before it is stored, whether required or not.
  for (const digest of referencedDigests(manifest)) oci.recency.touch(digest);
  if (references === "sparse") return { missing: [], missized: [], mistyped: [] };
  const missing = new Set<Digest>();
  const missized: ReferenceFaults["missized"][number][] = [];
  const mistyped: ReferenceFaults["mistyped"][number][] = [];
  // A manifest may name the same content many times.
  const held = { blob: new Map<Digest, Held | undefined>(), manifest: new Map<Digest, Held | undefined>() };
  if (oci.blobs.touch) await holdBlobs(oci, repository, named, held.blob);
  for (const { kind, digest, size, mediaType } of named) {
    const known = kind === "blob" ? held.blob : held.manifest;
    if (!known.has(digest)) {
      known.set(
        digest,
        kind === "blob"
          ? await heldBlob(oci, repository, digest)
          : oci.index.manifestStat(repository, digest),
      );
      if ((held.blob.size + held.manifest.size) % AT_ONCE === 0) await nextTurn();
    }
    const found = known.get(digest);
    if (!found) {
      if (kind !== "subject") missing.add(digest);
      continue;
    }
    if (found.size !== size) missized.push({ digest, stated: size, actual: found.size });
    if (
      kind === "manifest" &&
      found.mediaType !== undefined &&
      manifestKind(found.mediaType) !== manifestKind(mediaType)
    )
      mistyped.push({ digest, stated: mediaType, actual: found.mediaType });
  }
  return { missing: [...missing], missized, mistyped };
}

/** Content that the repository holds. */
interface Held {
  readonly size: number;
  /** Of a manifest. */
  readonly mediaType?: string;
}

/** A blob that the repository holds, and which collectors keep from now on. */
export async function heldBlob(
  oci: StoreView,
  repository: RepositoryName,
  digest: Digest,
): Promise<Held | undefined> {
  if (!(await isLinked(oci, repository, digest))) return undefined;
  if (oci.blobs.touch) await oci.blobs.touch(digest);
  return oci.blobs.stat(digest);
}

/** Looks up all blobs of the manifest, several at once: each look-up may be a request to a distant storage. */
async function holdBlobs(
  oci: StoreView,
  repository: RepositoryName,
  named: readonly NamedContent[],
  held: Map<Digest, Held | undefined>,
): Promise<void> {
  const blobs = [...new Set(named.flatMap(({ kind, digest }) => (kind === "blob" ? [digest] : [])))];
  for (let from = 0; from < blobs.length; from += DISTANT_AT_ONCE) {
    const some = blobs.slice(from, from + DISTANT_AT_ONCE);
    const found = await Promise.all(some.map((digest) => heldBlob(oci, repository, digest)));
    for (const [i, digest] of some.entries()) held.set(digest, found[i]);
  }
}
