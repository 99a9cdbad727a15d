import type { Digest } from "../../../primitives/digest.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import { subjectInTag } from "../content/attached-tags.ts";
import { type CleanupRule, expiredTags } from "../policy/cleanup-rules.ts";
import { isCovered } from "../policy/immutable-tags.ts";

/** The content of a repository at the time when a rule is applied. */
export interface RepositoryContent {
  /** The digest that each tag names; the manifest need not exist. */
  readonly tags: ReadonlyMap<Tag, Digest>;
  /** For each tag the sequence numbers of the commits that set it, newest first. */
  readonly sets: ReadonlyMap<Tag, readonly number[]>;
  readonly manifests: ReadonlyMap<Digest, ManifestNode>;
  /** When the manifest was last pushed, or last gained or lost a tag, in seconds since the epoch. */
  mentionedAt(digest: Digest): number | undefined;
}

/** The links of a manifest to other manifests of its repository. */
export interface ManifestNode {
  readonly children: readonly Digest[];
  readonly subject: Digest | undefined;
}

export interface CleanupPlan {
  readonly tags: readonly Tag[];
  readonly manifests: readonly Digest[];
  /** The tags that count towards `newest`: if one of them is deleted, an older tag is kept instead. */
  readonly counted: ReadonlySet<Tag>;
  /** The images that lose their manifest or their last tag; a new tag on one makes the plan outdated. */
  readonly images: ReadonlySet<Digest>;
}

/**
 * Returns the tags and manifests that a rule deletes. A signature or another attachment (linked by its tag or its subject)
 * does not count as an image: it is kept as long as its image and deleted with it.
 */
export function planCleanup(rule: CleanupRule, content: RepositoryContent, now: number): CleanupPlan {
  const { tags, sets, manifests } = content;
  const attached = attachedTags(content);
  const images = [...tags.keys()].filter((tag) => !attached.has(tag));
  const expired = expiredTags(rule, images, sets);
  const expires = new Set(expired);
  const untagged = expiredUntagged(rule, content, now);
  const lost = lostWith(expired, content);
  const isDeleted = (subject: Digest) =>
    lost.has(subject) ||
    untagged.has(subject) ||
    // The repository never held this subject: it is stored elsewhere, or its signature was pushed first.
    (!manifests.has(subject) && content.mentionedAt(subject) !== undefined);
  const deleting = new Set<Tag>();
  for (let grew = true; grew; ) {
    grew = false;
    for (const [tag, subject] of attached) {
      if (deleting.has(tag) || isCovered(tag, rule.keep) || !isDeleted(subject)) continue;
      deleting.add(tag);
      grew = true;
      // A signature of this signature is deleted too, unless another tag keeps it.
      for (const digest of lostWith([...expired, ...deleting], content)) lost.add(digest);
    }
  }
  return {
    tags: [...expired, ...deleting],
    manifests: [...untagged],
    counted: new Set(images.filter((tag) => !expires.has(tag) && !isCovered(tag, rule.keep))),
    images: new Set([...lost, ...untagged]),
  };
}

/** The tags of signatures and other attachments, each with the digest of its image. */
function attachedTags({ tags, manifests }: RepositoryContent): ReadonlyMap<Tag, Digest> {
  const attached = new Map<Tag, Digest>();
  for (const [tag, target] of tags) {
    const named = subjectInTag(tag);
    const subject =
      (named && (named.whole ?? [...manifests.keys()].find((digest) => named.isDigest(digest)))) ??
      manifests.get(target)?.subject;
    if (subject) attached.set(tag, subject);
  }
  return attached;
}

/** The manifests that are reachable only from the tags to be deleted. */
function lostWith(deleting: readonly Tag[], { tags, manifests }: RepositoryContent): Set<Digest> {
  const deleted = new Set(deleting);
  const lost = new Set<Digest>();
  const kept = new Set<Digest>();
  for (const [tag, target] of tags) addWithChildren(target, deleted.has(tag) ? lost : kept, manifests);
  // An index without a tag keeps its children too.
  for (const [digest, { children }] of manifests) {
    if (lost.has(digest) || kept.has(digest)) continue;
    for (const child of children) addWithChildren(child, kept, manifests);
  }
  for (const digest of kept) lost.delete(digest);
  return lost;
}

/** Manifests that no tag has reached for `untaggedSeconds`, with their attachments. */
function expiredUntagged(
  { untaggedSeconds }: CleanupRule,
  { tags, manifests, mentionedAt }: RepositoryContent,
  now: number,
): Set<Digest> {
  if (untaggedSeconds === undefined) return new Set();
  const staying = new Set<Digest>();
  for (const target of tags.values()) addWithChildren(target, staying, manifests);
  const referrers: [digest: Digest, subject: Digest][] = [];
  for (const [digest, { subject }] of manifests) {
    if (subject && manifests.has(subject)) referrers.push([digest, subject]);
    // A manifest that the history does not know yet was pushed just now.
    else if ((mentionedAt(digest) ?? now) >= now - untaggedSeconds)
      addWithChildren(digest, staying, manifests);
  }
  for (let grew = true; grew; ) {
    const before = staying.size;
    for (const [digest, subject] of referrers)
      if (staying.has(subject)) addWithChildren(digest, staying, manifests);
    grew = staying.size > before;
  }
  return new Set([...manifests.keys()].filter((digest) => !staying.has(digest)));
}

/** Adds a manifest and, if it is an index, all its descendants. */
function addWithChildren(top: Digest, to: Set<Digest>, manifests: RepositoryContent["manifests"]): void {
  const pending = [top];
  for (let digest = pending.pop(); digest; digest = pending.pop()) {
    if (to.has(digest)) continue;
    to.add(digest);
    pending.push(...(manifests.get(digest)?.children ?? []));
  }
}
