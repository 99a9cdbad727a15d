import type { Digest } from "../../../primitives/digest.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import { type CleanupRule, expiredTags } from "../policy/cleanup-rules.ts";
import { isCovered } from "../policy/immutable-tags.ts";
import { subjectInTag } from "./attached-tags.ts";

/** A repository as it is when a rule is applied. */
export interface RepositoryContent {
  /** What each tag stands for, whether there is such a manifest or not. */
  readonly tags: ReadonlyMap<Tag, Digest>;
  /** The commits that set each tag, as places in the order of all, the newest first. */
  readonly sets: ReadonlyMap<Tag, readonly number[]>;
  readonly manifests: ReadonlyMap<Digest, ManifestNode>;
  /** When a manifest was last pushed, or a tag came to it or left it, in seconds since the epoch. */
  mentionedAt(digest: Digest): number | undefined;
}

/** What a manifest has to do with others of its repository. */
export interface ManifestNode {
  readonly children: readonly Digest[];
  readonly subject: Digest | undefined;
}

export interface CleanupPlan {
  readonly tags: readonly Tag[];
  readonly manifests: readonly Digest[];
  /** The tags that are kept as the newest: without one of them, another would be. */
  readonly counted: ReadonlySet<Tag>;
  /** The images that go, whether their manifests do or only the tags: with a new tag, they would not. */
  readonly images: ReadonlySet<Digest>;
}

/**
 * What a rule lets go. What signs or describes an image, by its tag or by its subject, is no image itself: it stays as
 * long as what it belongs to, and goes with it.
 */
export function planCleanup(rule: CleanupRule, content: RepositoryContent, now: number): CleanupPlan {
  const { tags, sets, manifests } = content;
  const attached = attachedTags(content);
  const images = [...tags.keys()].filter((tag) => !attached.has(tag));
  const expired = expiredTags(rule, images, sets);
  const expires = new Set(expired);
  const gone = untaggedToGo(rule, content, now);
  const lost = lostWith(expired, content);
  const isGone = (subject: Digest) =>
    lost.has(subject) ||
    gone.has(subject) ||
    // What was never here is signed elsewhere, or its signature came first.
    (!manifests.has(subject) && content.mentionedAt(subject) !== undefined);
  const going = new Set<Tag>();
  for (let grew = true; grew; ) {
    grew = false;
    for (const [tag, subject] of attached) {
      if (going.has(tag) || isCovered(tag, rule.keep) || !isGone(subject)) continue;
      going.add(tag);
      grew = true;
      // A signature of the signature goes too, unless another tag keeps that.
      for (const digest of lostWith([...expired, ...going], content)) lost.add(digest);
    }
  }
  return {
    tags: [...expired, ...going],
    manifests: [...gone],
    counted: new Set(images.filter((tag) => !expires.has(tag) && !isCovered(tag, rule.keep))),
    images: new Set([...lost, ...gone]),
  };
}

/** The tags that are no images, each with the digest that it belongs to. */
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

/** The manifests that only the tags that go lead to. */
function lostWith(going: readonly Tag[], { tags, manifests }: RepositoryContent): Set<Digest> {
  const goes = new Set(going);
  const lost = new Set<Digest>();
  const kept = new Set<Digest>();
  for (const [tag, target] of tags) addWithChildren(target, goes.has(tag) ? lost : kept, manifests);
  // An index that has no tag keeps its children as well.
  for (const [digest, { children }] of manifests) {
    if (lost.has(digest) || kept.has(digest)) continue;
    for (const child of children) addWithChildren(child, kept, manifests);
  }
  for (const digest of kept) lost.delete(digest);
  return lost;
}

/** Manifests that no tag leads to for long enough, with what is attached to them. */
function untaggedToGo(
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
    // What the history does not know yet came just now.
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

/** Adds a manifest with all that it leads to as an index. */
function addWithChildren(top: Digest, to: Set<Digest>, manifests: RepositoryContent["manifests"]): void {
  const pending = [top];
  for (let digest = pending.pop(); digest; digest = pending.pop()) {
    if (to.has(digest)) continue;
    to.add(digest);
    pending.push(...(manifests.get(digest)?.children ?? []));
  }
}
