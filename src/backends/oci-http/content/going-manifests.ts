import type { Digest } from "../../../primitives/digest.ts";
import { parseStoredManifest } from "../../../registry/model/manifest.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { StoredManifest } from "../../../registry/model/storage.ts";
import type { Tag } from "../../../registry/model/tag.ts";

/** The state of a repository in which manifests are looked up. */
export interface ManifestGraph {
  manifest(repository: RepositoryName, digest: Digest): StoredManifest | undefined;
  namersOf(repository: RepositoryName, digest: Digest, limit: number): Digest[];
  tagsOf(repository: RepositoryName, digest: Digest, limit?: number): Tag[];
}

/** Who names a manifest more often than this is not looked at any further, and keeps it. */
const MAX_NAMERS = 1000;

/**
 * The manifests that go when these `roots` go with these tags: they, what they name and what refers to them, without what another
 * tag or another manifest keeps, and without what such a one names.
 */
export function goingManifests(
  index: ManifestGraph,
  repository: RepositoryName,
  roots: Iterable<Digest>,
  tags: ReadonlySet<Tag>,
): Set<Digest> {
  const going = new Map<Digest, Linked>();
  const pending = [...roots];
  for (let digest = pending.pop(); digest; digest = pending.pop()) {
    if (going.has(digest)) continue;
    const linked = linksOf(index, repository, digest);
    if (!linked) continue;
    going.set(digest, linked);
    pending.push(...linked.children, ...linked.referrers);
  }
  for (let shrank = true; shrank; ) {
    shrank = false;
    for (const [digest, { subject, namers, isCrowded }] of going) {
      const isKept =
        isCrowded ||
        index.tagsOf(repository, digest, tags.size + 1).some((tag) => !tags.has(tag)) ||
        namers.some((namer) => !going.has(namer)) ||
        (subject !== undefined && !going.has(subject) && index.manifest(repository, subject) !== undefined);
      if (!isKept) continue;
      going.delete(digest);
      shrank = true;
    }
  }
  return new Set(going.keys());
}

interface Linked {
  readonly children: readonly Digest[];
  readonly subject: Digest | undefined;
  readonly namers: readonly Digest[];
  readonly referrers: readonly Digest[];
  readonly isCrowded: boolean;
}

function linksOf(index: ManifestGraph, repository: RepositoryName, digest: Digest): Linked | undefined {
  const manifest = parseStoredManifest(index.manifest(repository, digest)?.content);
  if (!manifest) return undefined;
  const namers = index.namersOf(repository, digest, MAX_NAMERS);
  const referrers = namers.filter(
    (namer) => parseStoredManifest(index.manifest(repository, namer)?.content)?.subject === digest,
  );
  return {
    children: manifest.manifests,
    subject: manifest.subject,
    namers,
    referrers,
    isCrowded: namers.length === MAX_NAMERS,
  };
}
