import type { Digest } from "../../../primitives/digest.ts";
import type { Snapshot } from "../../../primitives/store/commits/snapshot.ts";
import type { Store } from "../../../primitives/store/commits/store.ts";
import type { Change } from "../../../primitives/store/commits/tree-edit.ts";
import type { StorageRoom } from "../../../primitives/store/engine/engine.ts";
import type { LinkStore } from "../../../primitives/store/engine/links.ts";
import type { Identity } from "../../../primitives/store/git/commit.ts";
import type { DerivedIndex } from "../../../primitives/store/index/derived-index.ts";
import { holds, type Precondition } from "../../../registry/model/precondition.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type {
  DeleteManifestResult,
  ManifestPush,
  PutManifestResult,
  UnmetPrecondition,
} from "../../../registry/model/storage.ts";
import type { Reference, Tag } from "../../../registry/model/tag.ts";
import { manifestPath, parseOciPath, tagPath } from "../content/layout.ts";
import { rememberParsed } from "../content/parsed-manifests.ts";
import { formatEvent, type Origin, type StoreEvent, type TagMove } from "../content/store-event.ts";
import { tagTarget } from "../content/tag-target.ts";
import type { OciIndexReader } from "../index/oci-index-reader.ts";
import { isImmutable, type TagPattern } from "../policy/immutable-tags.ts";
import type { Admission, QuotaLedger, Quotas } from "../policy/quotas.ts";

/** The author of a change, and the client that requested it. */
export interface Author extends Origin {
  readonly identity: Identity;
  /** Where the content of an import comes from. */
  readonly imported?: Imported;
}

export interface Imported {
  /** The address of a registry, or the path of a directory or file. */
  readonly source: string;
  /** When it was made or pushed there, in seconds since the epoch, if that is known. */
  readonly made: number | undefined;
}

/** A push with everything that its commit depends on. */
export interface ManifestCommit extends ManifestPush {
  readonly repository: RepositoryName;
  /** Which tags are write-once. */
  readonly immutable: readonly TagPattern[];
  readonly quotas?: Quotas | undefined;
  /** URL of the registry that it was fetched from, if it was. */
  readonly upstream?: string;
  /** Manifests that are stored by the same commit, such as those of the platforms of an index. */
  readonly also?: readonly Pick<ManifestPush, "digest" | "content" | "manifest">[];
}

/**
 * The changes to an OCI store, made by the thread that owns it. Arguments and results are plain data, so that other threads
 * can call them. A change is durable when its promise resolves.
 */
export interface StoreChanges {
  putManifest(author: Author, commit: ManifestCommit): Promise<PutManifestResult>;
  /** Removes a tag, or a manifest with every tag on it. */
  deleteManifest(
    author: Author,
    repository: RepositoryName,
    reference: Reference,
    precondition?: Precondition,
  ): Promise<DeleteManifestResult>;
  /** Reserves quota for content; resolves with the reason if it is refused, in words for the client. */
  admit(repository: RepositoryName, admission: Admission, quotas: Quotas): Promise<string | undefined>;
  /** `added` bytes of the blob are new to the store. */
  linkBlob(repository: RepositoryName, digest: Digest, added: number): Promise<void>;
  unlinkBlob(repository: RepositoryName, digest: Digest): Promise<"deleted" | "unknown" | "in-use">;
}

interface OwnedStore {
  readonly store: Store;
  readonly derived: Pick<DerivedIndex, "head">;
  readonly index: OciIndexReader;
  readonly links: LinkStore;
  readonly quotaLedger: QuotaLedger;
  readonly room: StorageRoom;
}

export class LocalStoreChanges implements StoreChanges {
  readonly #owned: OwnedStore;

  constructor(owned: OwnedStore) {
    this.#owned = owned;
  }

  async putManifest(author: Author, commit: ManifestCommit): Promise<PutManifestResult> {
    this.#owned.room.admitContent();
    const { repository, digest, also = [], quotas } = commit;
    for (const each of [commit, ...also]) rememberParsed(each.content, each.digest, each.manifest);
    if (!quotas) return this.#putManifest(author, commit);
    const { quotaLedger } = this.#owned;
    const size = [commit, ...also].reduce((sum, each) => sum + each.content.length, 0);
    const admission = { kind: "manifest", digest, size } as const;
    const reason = await quotaLedger.admit(repository, admission, quotas);
    if (reason !== undefined) return { kind: "over-quota", reason };
    try {
      return await this.#putManifest(author, commit);
    } finally {
      quotaLedger.settleManifest(repository, size);
    }
  }

  async #putManifest(
    author: Author,
    { repository, digest, content, tags, immutable, precondition, upstream, also = [] }: ManifestCommit,
  ): Promise<PutManifestResult> {
    let refusal: PutManifestResult | undefined;
    await this.#owned.store.transact(async (parent) => {
      if (precondition && tags.length === 0) {
        const reference = { kind: "digest", digest } as const;
        refusal = await unmet(precondition, parent, repository, reference);
        if (refusal) return noDraft(author);
      }
      const changes: Change[] = [{ digest, content }, ...also].map((each) => ({
        path: manifestPath(repository, each.digest),
        content: each.content,
      }));
      const moves: TagMove[] = [];
      for (const tag of tags) {
        const previous = await tagTarget(parent, repository, tag);
        // Checked within the transaction, so that of concurrent pushes only the first sets a new or write-once tag.
        if (precondition && !holds(precondition, previous)) {
          refusal = { kind: "unmet", reference: { kind: "tag", tag }, current: previous };
          return noDraft(author);
        }
        if (previous && previous !== digest && isImmutable(tag, immutable)) {
          refusal = { kind: "immutable", tag, current: previous };
          return noDraft(author);
        }
        moves.push({ tag, previous });
        changes.push({ path: tagPath(repository, tag), content: Buffer.from(`${digest}\n`) });
      }
      refusal = undefined;
      const event = { repository, tags: moves, digest, origin: author };
      if (upstream !== undefined) {
        const others = also.map((each) => each.digest);
        return draft(author, { kind: "mirror", upstream, also: others, ...event }, changes);
      }
      if (!author.imported) return draft(author, { kind: "push", ...event }, changes);
      const { source, made } = author.imported;
      return { ...draft(author, { kind: "import", ...event, source }, changes), authored: made };
    });
    return refusal ?? { kind: "stored" };
  }

  async deleteManifest(
    author: Author,
    repository: RepositoryName,
    reference: Reference,
    precondition?: Precondition,
  ): Promise<DeleteManifestResult> {
    let refusal: UnmetPrecondition | undefined;
    const { changed } = await this.#owned.store.transact(async (parent) => {
      refusal = precondition && (await unmet(precondition, parent, repository, reference));
      if (refusal) return noDraft(author);
      return reference.kind === "tag"
        ? this.#deleteTag(author, parent, repository, reference.tag)
        : this.#deleteByDigest(author, parent, repository, reference.digest);
    });
    // Without its precondition, the deletion of what does not exist would fail as well.
    if (refusal?.current !== undefined) return refusal;
    return { kind: changed ? "deleted" : "unknown" };
  }

  admit(...args: Parameters<StoreChanges["admit"]>): Promise<string | undefined> {
    return this.#owned.quotaLedger.admit(...args);
  }

  linkBlob(repository: RepositoryName, digest: Digest, added: number): Promise<void> {
    this.#owned.quotaLedger.linked(repository, digest, added);
    return this.#owned.links.add(repository, digest);
  }

  async unlinkBlob(repository: RepositoryName, digest: Digest): Promise<"deleted" | "unknown" | "in-use"> {
    await this.#owned.store.refresh();
    if (this.#owned.index.names(repository, digest)) return "in-use";
    this.#owned.room.relieve();
    return (await this.#owned.links.remove(repository, digest)) ? "deleted" : "unknown";
  }

  async #deleteTag(author: Author, parent: Snapshot, repository: RepositoryName, tag: Tag) {
    const digest = await tagTarget(parent, repository, tag);
    if (!digest) return noDraft(author);
    const event = {
      kind: "delete",
      repository,
      tags: [{ tag }],
      digest,
      byDigest: false,
      origin: author,
    } as const;
    return draft(author, event, [{ path: tagPath(repository, tag), content: null }]);
  }

  async #deleteByDigest(author: Author, parent: Snapshot, repository: RepositoryName, digest: Digest) {
    const changes: Change[] = [{ path: manifestPath(repository, digest), content: null }];
    const tags: TagMove[] = [];
    for (const tag of await this.#tagsUntil(parent, repository, digest)) {
      if ((await tagTarget(parent, repository, tag)) !== digest) continue;
      tags.push({ tag });
      changes.push({ path: tagPath(repository, tag), content: null });
    }
    const event = { kind: "delete", repository, tags, digest, byDigest: true, origin: author } as const;
    return draft(author, event, changes);
  }

  /** The tags that may name a manifest in a state newer than the index. */
  async #tagsUntil(parent: Snapshot, repository: RepositoryName, digest: Digest): Promise<Set<Tag>> {
    const { index, derived, store } = this.#owned;
    const tags = new Set(index.tagsOf(repository, digest));
    if (!parent.commitId || parent.commitId === derived.head) return tags;
    for await (const { path } of store.diff(derived.head, parent.commitId)) {
      const file = parseOciPath(path);
      if (file?.kind === "tag" && file.repository === repository) tags.add(file.tag);
    }
    return tags;
  }
}

/** Why a precondition does not hold for a tag or manifest in one state of the store, if it does not. */
async function unmet(
  precondition: Precondition,
  state: Snapshot,
  repository: RepositoryName,
  reference: Reference,
): Promise<UnmetPrecondition | undefined> {
  const current = await digestNow(state, repository, reference);
  return holds(precondition, current) ? undefined : { kind: "unmet", reference, current };
}

async function digestNow(state: Snapshot, repository: RepositoryName, reference: Reference) {
  if (reference.kind === "tag") return tagTarget(state, repository, reference.tag);
  const file = await state.fileId(manifestPath(repository, reference.digest));
  return file && reference.digest;
}

function draft(author: Author, event: StoreEvent, changes: readonly Change[]) {
  return { changes, author: author.identity, message: formatEvent(event) };
}

function noDraft(author: Author) {
  return { changes: [], author: author.identity, message: "" };
}
