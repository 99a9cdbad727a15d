import type { Digest } from "../../../primitives/digest.ts";
import { Pace } from "../../../primitives/jobs/pace.ts";
import { parseStoredManifest } from "../../../registry/model/manifest.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import { subjectInTag } from "../content/attached-tags.ts";
import { goingManifests } from "../content/going-manifests.ts";
import { isOwnTag } from "../mirror/own-tag.ts";
import { isImmutable } from "../policy/immutable-tags.ts";
import { selectsTag } from "../policy/sync-rules.ts";
import { HOUR_MS } from "../pulls/pull-notes.ts";
import type { InstanceConfig } from "../settings/instance-config.ts";
import type { OciStore } from "../store/oci-store.ts";
import { originsIn } from "./image-origins.ts";

/** An image of a mirror with all that goes with it. */
export interface MirroredImage {
  readonly repository: RepositoryName;
  readonly digest: Digest;
  /** Its tags, and those of what is attached to it. */
  readonly tags: readonly Tag[];
  readonly manifests: ReadonlySet<Digest>;
  /** When it was last pulled or fetched, or a tag came to it or left it (ms since the epoch). */
  readonly usedAt: number;
  /** When it was last fetched, or a tag came to it or left it (ms since the epoch). */
  readonly changedAt: number;
  /** The hour in which it was last pulled, if that is known. */
  readonly pulled: Date | undefined;
  /** Whether a user of this registry has put it there, or set a tag of it. */
  readonly isOwn: boolean;
  /** Whether it is never pruned: a user's own, write-once, or named by a planned copy. */
  readonly isKept: boolean;
}

/** Settings of registries that keep images. */
export type KeepingRules = Pick<InstanceConfig, "immutable" | "sync">;

/** The images of a repository: what no other manifest names. */
export async function* mirroredImages(
  oci: OciStore,
  repository: RepositoryName,
  rules: KeepingRules,
  signal: AbortSignal,
): AsyncGenerator<MirroredImage> {
  const pace = new Pace(1, signal);
  const origins = await originsIn(oci, repository, signal);
  const attached = attachedTags(oci, repository);
  for (const digest of oci.index.manifestsOf(repository)) {
    await pace.rest();
    signal.throwIfAborted();
    if (!isImage(oci, repository, digest)) continue;
    const own = oci.index.tagsOf(repository, digest);
    const tags = [...own, ...(attached.get(digest) ?? [])];
    const roots = [digest, ...tags.flatMap((tag) => oci.index.tagDigest(repository, tag) ?? [])];
    const manifests = goingManifests(oci.index, repository, roots, new Set(tags));
    const isOwn =
      !origins.isMirrored(digest) ||
      [...manifests].some((each) => !origins.isMirrored(each)) ||
      (await anyOwn(oci, repository, tags));
    const isKept =
      isOwn ||
      !manifests.has(digest) ||
      own.some((tag) => isImmutable(tag, rules.immutable) || isPlanned(tag, repository, rules));
    const uses = usesOf(oci, repository, [digest, ...manifests]);
    yield { repository, digest, tags, manifests, isOwn, isKept, ...uses };
  }
}

/** Tags of signatures and the like, by the digest of their image, where that is here. */
function attachedTags({ index }: OciStore, repository: RepositoryName): ReadonlyMap<Digest, Tag[]> {
  const attached = new Map<Digest, Tag[]>();
  for (const tag of index.tagTargets(repository).keys()) {
    const subject = subjectInTag(tag)?.whole;
    if (subject && index.hasManifest(repository, subject))
      attached.set(subject, [...(attached.get(subject) ?? []), tag]);
  }
  return attached;
}

/** Not a part of an index, nor attached to what is here. */
function isImage({ index }: OciStore, repository: RepositoryName, digest: Digest): boolean {
  const subject = parseStoredManifest(index.manifest(repository, digest)?.content)?.subject;
  if (subject && index.hasManifest(repository, subject)) return false;
  const isPart = index
    .namersOf(repository, digest, -1)
    .some((namer) =>
      parseStoredManifest(index.manifest(repository, namer)?.content)?.manifests.includes(digest),
    );
  if (isPart) return false;
  const tags = index.tagsOf(repository, digest);
  const isAttached = (tag: Tag) => {
    const image = subjectInTag(tag)?.whole;
    return image !== undefined && index.hasManifest(repository, image);
  };
  return tags.length === 0 || !tags.every(isAttached);
}

function isPlanned(tag: Tag, repository: RepositoryName, { sync }: KeepingRules): boolean {
  return sync.some((rule) => rule.repository === repository && selectsTag(rule, tag));
}

async function anyOwn(oci: OciStore, repository: RepositoryName, tags: readonly Tag[]): Promise<boolean> {
  for (const tag of tags) if (await isOwnTag(oci, repository, tag)) return true;
  return false;
}

function usesOf(
  { pulls, history }: OciStore,
  repository: RepositoryName,
  manifests: readonly Digest[],
): Pick<MirroredImage, "usedAt" | "changedAt" | "pulled"> {
  let pulled: Date | undefined;
  let changedAt = 0;
  for (const digest of manifests) {
    const last = pulls.times.lastPull(repository, digest);
    if (last && last.getTime() > (pulled?.getTime() ?? 0)) pulled = last;
    changedAt = Math.max(changedAt, (history.mentionedAt(repository, digest) ?? 0) * 1000);
  }
  // Pulls are noted by the hour: it may have been at its end.
  const usedAt = Math.max(changedAt, pulled ? pulled.getTime() + HOUR_MS : 0);
  return { usedAt, changedAt, pulled };
}
