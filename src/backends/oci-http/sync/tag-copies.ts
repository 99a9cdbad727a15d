import type { Digest } from "../../../primitives/digest.ts";
import type { Referrer } from "../../../registry/model/storage.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import { attachmentKey, subjectInTag } from "../content/attached-tags.ts";
import { isOwnPush } from "../mirror/own-tag.ts";
import { isImmutable } from "../policy/immutable-tags.ts";
import type { SyncRule } from "../policy/sync-rules.ts";
import { quotasOf } from "../store/instance-policy.ts";
import type { BlobCopies } from "./blob-copies.ts";
import { CollectedImage, type CompleteImages } from "./collected-image.ts";
import { CopyFault } from "./copy-fault.ts";
import type { PatientUpstream } from "./patient-upstream.ts";
import { isSignature } from "./signatures.ts";

/** What is attached to something attached to an image, such as the signature of an SBOM. */
const MAX_ATTACHED_DEPTH = 2;

export type TagOutcome =
  | { readonly kind: "moved" | "unchanged" | "completed" | "gone" }
  | { readonly kind: "skipped"; readonly reason: string };

export interface TagCopiesOptions {
  readonly upstream: PatientUpstream;
  readonly rule: SyncRule;
  /** All tags of upstream's repository. */
  readonly tags: readonly Tag[];
  readonly blobs: BlobCopies;
  readonly complete: CompleteImages;
  readonly isDryRun: boolean;
}

/** Brings the tags of a repository to where upstream has them, with the images and what is attached to these. */
export class TagCopies {
  readonly #options: TagCopiesOptions;
  /** The tags of attachments by what their names begin with. */
  readonly #attached = new Map<string, Tag[]>();

  constructor(options: TagCopiesOptions) {
    this.#options = options;
    for (const tag of options.tags) {
      const key = subjectInTag(tag)?.key;
      if (key === undefined) continue;
      const tags = this.#attached.get(key);
      if (tags) tags.push(tag);
      else this.#attached.set(key, [tag]);
    }
  }

  /** A tag is moved only when all of its content is in the store. Throws `CopyFault`. */
  async copy(tag: Tag): Promise<TagOutcome> {
    const { upstream, rule, isDryRun } = this.#options;
    const place = await this.#place(tag);
    if ("kind" in place) return place;
    const { digest, own } = place;
    const referrers = await this.#referrersOf(digest);
    const tags = this.#attachedTags(digest);
    if (rule.signedOnly && !referrers.some(isSignature) && !tags.some((each) => each.endsWith(".sig")))
      return { kind: "skipped", reason: "it has no signature" };
    if (isDryRun) return { kind: own === digest ? "unchanged" : "moved" };
    for (const attached of tags) await this.#copyAttached(attached);
    const image = new CollectedImage(upstream, this.#options.blobs);
    const isNew = own !== digest;
    if ((isNew || !this.#isComplete(digest)) && !(await image.add(digest, rule.platforms)))
      return { kind: "gone" };
    for (const child of isNew ? [...image.manifests.keys()] : [])
      if (child !== digest) await this.#addReferrers(image, await this.#referrersOf(child));
    await this.#addReferrers(image, referrers);
    const outcome = await this.#commit(tag, { digest, own }, image);
    if (outcome.kind !== "skipped") this.#options.complete.add(this.#keyOf(digest));
    return outcome;
  }

  /** Where upstream has the tag, and where it is here; or why it is left. */
  async #place(tag: Tag): Promise<TagOutcome | Place> {
    const { request } = this.#options.upstream;
    const { registry, repository, from } = request;
    // Before upstream is asked: what a user pushes meanwhile is not moved.
    const own = registry.oci.index.tagDigest(repository, tag);
    const head = await this.#options.upstream.ask((signal) =>
      from.upstream.headManifest(from.name, { kind: "tag", tag }, signal),
    );
    if (!head) return { kind: "gone" };
    const { digest } = head;
    if (own !== undefined && own !== digest) {
      if (isImmutable(tag, registry.config.immutable))
        return { kind: "skipped", reason: "it is write-once, and upstream has moved it" };
      if (await isOwnPush(request, tag)) return { kind: "skipped", reason: "a user has set it here" };
    }
    return { digest, own };
  }

  async #copyAttached(tag: Tag): Promise<void> {
    const place = await this.#place(tag);
    if ("kind" in place || (place.own === place.digest && this.#isComplete(place.digest))) return;
    const image = new CollectedImage(this.#options.upstream, this.#options.blobs);
    if (!(await image.add(place.digest, []))) return;
    await this.#commit(tag, place, image);
    this.#options.complete.add(this.#keyOf(place.digest));
  }

  async #referrersOf(digest: Digest): Promise<readonly Referrer[]> {
    const { upstream } = this.#options;
    const { from } = upstream.request;
    const found = await upstream.ask((signal) =>
      from.upstream.referrers(from.name, digest, undefined, signal),
    );
    return found?.referrers ?? [];
  }

  async #addReferrers(image: CollectedImage, referrers: readonly Referrer[], depth = 1): Promise<void> {
    const { registry, repository } = this.#options.upstream.request;
    for (const { digest } of referrers) {
      const isKnown = registry.oci.index.hasManifest(repository, digest) || image.manifests.has(digest);
      if (isKnown && this.#isComplete(digest)) continue;
      if (!(await image.add(digest, []))) continue;
      if (!isKnown && depth < MAX_ATTACHED_DEPTH)
        await this.#addReferrers(image, await this.#referrersOf(digest), depth + 1);
      this.#options.complete.add(this.#keyOf(digest));
    }
  }

  /** One commit for the tag and all manifests that are new. */
  async #commit(tag: Tag, { digest, own }: Place, { manifests }: CollectedImage): Promise<TagOutcome> {
    const { registry, repository, from, author } = this.#options.upstream.request;
    const { oci, config } = registry;
    const fresh = [...manifests.values()].filter((each) => !each.isStored);
    const isMove = own !== digest;
    const first = isMove ? manifests.get(digest) : fresh[0];
    if (!first) return { kind: "unchanged" };
    const quotas = quotasOf(oci, config);
    const result = await oci.changes.putManifest(author, {
      repository,
      ...{ digest: first.digest, content: first.content, manifest: first.manifest },
      also: fresh.filter((each) => each !== first),
      tags: isMove ? [tag] : [],
      immutable: config.immutable,
      upstream: from.upstream.url,
      ...(isMove && {
        precondition: own === undefined ? { noneMatch: "*" as const } : { match: new Set([own]) },
      }),
      ...(quotas && { quotas }),
    });
    if (result.kind === "over-quota") throw new CopyFault(result.reason, true);
    if (result.kind === "immutable") return { kind: "skipped", reason: "it is write-once" };
    if (result.kind === "unmet" && result.current !== digest)
      return { kind: "skipped", reason: "it was set here meanwhile" };
    return { kind: isMove ? "moved" : "completed" };
  }

  #attachedTags(digest: Digest): Tag[] {
    const tags = this.#attached.get(attachmentKey(digest)) ?? [];
    return tags.filter((tag) => subjectInTag(tag)?.isDigest(digest));
  }

  #isComplete(digest: Digest): boolean {
    const { registry, repository } = this.#options.upstream.request;
    return (
      this.#options.complete.has(this.#keyOf(digest)) && registry.oci.index.hasManifest(repository, digest)
    );
  }

  #keyOf(digest: Digest): string {
    const { registry, repository } = this.#options.upstream.request;
    return `${registry.config.store} ${repository} ${digest} ${this.#options.rule.platforms.join("+")}`;
  }
}

interface Place {
  readonly digest: Digest;
  readonly own: Digest | undefined;
}
