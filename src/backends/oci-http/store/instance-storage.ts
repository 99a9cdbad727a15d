import type { Digest, DigestAlgorithm } from "../../../primitives/digest.ts";
import { nextTurn } from "../../../primitives/jobs/next-turn.ts";
import { TurnQueue } from "../../../primitives/jobs/turn-queue.ts";
import type { BlobStat } from "../../../primitives/store/engine/blobs.ts";
import type { Manifest, NamedContent } from "../../../registry/model/manifest.ts";
import type { Page, PageRequest } from "../../../registry/model/page.ts";
import type { Precondition } from "../../../registry/model/precondition.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type {
  AppendUploadResult,
  Chunk,
  DeleteManifestResult,
  FinishUploadResult,
  Listing,
  ManifestPush,
  PutManifestResult,
  ReferenceFaults,
  Referrer,
  ReferrersRequest,
  RegistryStorage,
  SessionId,
  StoredBlob,
  StoredManifest,
  TooManySessions,
} from "../../../registry/model/storage.ts";
import { nameOf, type Reference, type Tag } from "../../../registry/model/tag.ts";
import { damageOf } from "../content/damage.ts";
import { keepForClient } from "./blob-traces.ts";
import { overQuota, type Policy, quotasOf } from "./instance-policy.ts";
import { InstanceUploads } from "./instance-uploads.ts";
import { isLinked } from "./linked-blobs.ts";
import { checkReferences } from "./reference-check.ts";
import type { Author } from "./store-changes.ts";
import type { StoreView } from "./store-view.ts";

/** Blobs up to this size (bytes) are served from memory; opening a file costs more than sending them. */
const MAX_BLOB_IN_MEMORY = 32 * 1024;
/** Blobs up to this size (bytes) whose check is due are hashed before they are served; larger ones in the background. */
const MAX_CHECKED_FIRST = 1024 * 1024;
/** Approximate memory (bytes) of a listed tag in the read cache besides its name, which is held as text and encoded. */
const BYTES_OF_TAG = 40;
const COPIES_OF_TAG = 2;
/** Look-ups after which the thread yields to other requests. */
const AT_ONCE = 200;
/** Most repositories searched for a mount without `from`. */
const MAX_MOUNT_SOURCES = 100;

/** Serializes long reads of this thread: a list takes some milliseconds, and clients may request many at once. */
const longReads = new TurnQueue();

/** The registry's storage on an OCI store, on behalf of one user. */
export class InstanceStorage implements RegistryStorage {
  readonly #oci: StoreView;
  readonly #author: () => Author;
  readonly #policy: Policy;

  constructor(oci: StoreView, author: () => Author, policy: Policy) {
    this.#oci = oci;
    this.#author = author;
    this.#policy = policy;
  }

  refresh(): Promise<void> | undefined {
    return this.#oci.refresh();
  }

  blob(repository: RepositoryName, digest: Digest): Promise<StoredBlob | undefined> {
    return this.#blob(repository, digest, () =>
      this.#afterRefresh(() => this.#blob(repository, digest, async () => undefined)),
    );
  }

  async #blob(
    repository: RepositoryName,
    digest: Digest,
    missed: () => Promise<StoredBlob | undefined>,
  ): Promise<StoredBlob | undefined> {
    const { blobs, reads, recency } = this.#oci;
    recency.touch(digest);
    const known = await reads.load<Uint8Array<ArrayBuffer> | "large">(
      "blob",
      repository,
      digest,
      async () => {
        if (!(await isLinked(this.#oci, repository, digest))) return undefined;
        const stat = await blobs.stat(digest);
        if (!stat) return undefined;
        if (stat.size > MAX_BLOB_IN_MEMORY) return { value: "large", bytes: 0 };
        const content = await blobs.read(digest);
        return content && { value: content, bytes: stat.size };
      },
    );
    if (known && blobs.touch && !(await keepForClient(this.#oci, digest))) return missed();
    if (known instanceof Uint8Array) return { size: known.length, content: known };
    const opened = known && (await blobs.open(digest));
    if (!opened) return missed();
    const { size, file, stream, body, redirect } = opened;
    if (!opened.isGuarded && !(await this.#isSound(digest, opened))) return undefined;
    return { size, content: file ?? stream, ...(body && { body }), ...(redirect && { redirect }) };
  }

  /** False if the blob was hashed and is damaged. */
  async #isSound(digest: Digest, { size, isSealed }: BlobStat): Promise<boolean> {
    const { blobs, checks } = this.#oci;
    // Another process has written to the file since it was hashed, or it is small enough to hash while the client waits.
    const isDue = checks.isDue(digest);
    if (!isSealed || (isDue && size <= MAX_CHECKED_FIRST)) {
      if ((await blobs.verify(digest)) !== "sound") return false;
      checks.note(digest);
    } else if (isDue) {
      checks.note(digest);
      this.#oci.audit(digest);
    }
    return true;
  }

  deleteBlob(repository: RepositoryName, digest: Digest): Promise<"deleted" | "unknown" | "in-use"> {
    return this.#oci.changes.unlinkBlob(repository, digest);
  }

  async mountBlob(repository: RepositoryName, digest: Digest, from: RepositoryName): Promise<boolean> {
    const blob = await this.blob(from, digest);
    // A mount over quota falls back to an upload, whose response names the quota.
    const admission = blob && ({ kind: "blob", digest, size: blob.size } as const);
    if (!admission || (await overQuota(this.#oci, this.#policy, repository, admission)) !== undefined)
      return false;
    await this.#oci.changes.linkBlob(repository, digest, 0);
    return true;
  }

  async repositoriesWith(digest: Digest): Promise<readonly RepositoryName[]> {
    await this.#oci.refresh();
    const linked = (await this.#oci.links.scopesOf(digest, MAX_MOUNT_SOURCES)) as RepositoryName[];
    return [...new Set([...linked, ...this.#oci.index.repositoriesWith(digest, MAX_MOUNT_SOURCES)])];
  }

  startUpload(repository: RepositoryName, algorithm: DigestAlgorithm): Promise<SessionId | TooManySessions> {
    return this.#uploads.start(repository, algorithm);
  }

  uploadSize(repository: RepositoryName, session: SessionId): Promise<number | undefined> {
    return this.#uploads.size(repository, session);
  }

  appendUpload(repository: RepositoryName, session: SessionId, chunk: Chunk): Promise<AppendUploadResult> {
    return this.#uploads.append(repository, session, chunk);
  }

  finishUpload(
    repository: RepositoryName,
    session: SessionId,
    chunk: Chunk,
    digest: Digest,
  ): Promise<FinishUploadResult> {
    return this.#uploads.finish(repository, session, chunk, digest);
  }

  cancelUpload(repository: RepositoryName, session: SessionId): Promise<boolean> {
    return this.#uploads.cancel(repository, session);
  }

  async manifest(repository: RepositoryName, reference: Reference): Promise<StoredManifest | undefined> {
    const found = await this.#found(repository, reference);
    if (found) this.#oci.pulls.note(repository, found.digest);
    return found;
  }

  async #found(repository: RepositoryName, reference: Reference): Promise<StoredManifest | undefined> {
    const { committed, missChecks } = this.#oci;
    // What a tag names changes; what a digest names does not, so that only a miss may be old.
    const isTag = reference.kind === "tag";
    const refreshing = isTag ? this.#oci.refresh() : undefined;
    if (refreshing !== undefined) await refreshing;
    try {
      const indexed =
        this.#indexed(repository, reference) ??
        (isTag ? undefined : await this.#afterRefresh(async () => this.#indexed(repository, reference)));
      return indexed || !missChecks.admit() ? indexed : await this.#missed(repository, reference);
    } catch (error) {
      const damage = damageOf(error);
      if (!damage) throw error;
      this.#oci.damaged(damage);
      return committed.manifest(repository, reference);
    }
  }

  /** Looks up an index miss in the commits: a manifest found there is new, or the index has lost it. */
  async #missed(repository: RepositoryName, reference: Reference): Promise<StoredManifest | undefined> {
    const find = () => this.#oci.committed.manifest(repository, reference);
    if (!(await find())) return undefined;
    const indexed = this.#indexed(repository, reference);
    // The manifest may have been deleted meanwhile.
    const lost = indexed ? undefined : await find();
    if (!lost) return indexed;
    this.#oci.damaged({ reason: `it lacks ${repository} ${nameOf(reference)}`, isMissing: true });
    return lost;
  }

  #indexed(repository: RepositoryName, reference: Reference): StoredManifest | undefined {
    if (reference.kind === "digest") return this.#manifest(repository, reference.digest);
    const { index, reads } = this.#oci;
    return reads.get("tag", repository, reference.tag, () => {
      const digest = index.tagDigest(repository, reference.tag);
      const value = digest && this.#manifest(repository, digest);
      return value && { value, bytes: value.content.length };
    });
  }

  async checkReferences(
    repository: RepositoryName,
    manifest: Manifest,
    named: readonly NamedContent[],
  ): Promise<ReferenceFaults> {
    return checkReferences(this.#oci, this.#policy, { repository, manifest, named });
  }

  putManifest(repository: RepositoryName, push: ManifestPush): Promise<PutManifestResult> {
    const { immutable } = this.#policy;
    const quotas = quotasOf(this.#oci, this.#policy);
    const commit = { ...push, repository, immutable, ...(quotas && { quotas }) };
    return this.#oci.changes.putManifest(this.#author(), commit);
  }

  deleteManifest(
    repository: RepositoryName,
    reference: Reference,
    precondition: Precondition | undefined,
  ): Promise<DeleteManifestResult> {
    return this.#oci.changes.deleteManifest(this.#author(), repository, reference, precondition);
  }

  async tags(repository: RepositoryName, { last, limit }: PageRequest): Promise<Page<Tag> | undefined> {
    const refreshing = this.#oci.refresh();
    if (refreshing !== undefined) await refreshing;
    const { index, links, reads } = this.#oci;
    const key = `${limit} ${last}`;
    if (limit > AT_ONCE && !reads.has("tags", repository, key)) await longReads.next();
    const page = reads.get("tags", repository, key, () => {
      if (!index.knows(repository)) return undefined;
      const tags = index.tags(repository, last, limit + 1);
      const value = { entries: tags.slice(0, limit), more: tags.length > limit };
      const characters = tags.reduce((sum, tag) => sum + tag.length, 0);
      return { value, bytes: tags.length * BYTES_OF_TAG + characters * COPIES_OF_TAG };
    });
    return page ?? ((await links.hasAny(repository)) ? { entries: [], more: false } : undefined);
  }

  async referrers(
    repository: RepositoryName,
    subject: Digest,
    request: ReferrersRequest,
  ): Promise<Page<Referrer>> {
    await this.#oci.refresh();
    await longReads.next();
    return this.#oci.index.referrers(repository, subject, request);
  }

  async repositories({ last, limit }: PageRequest, listing: Listing): Promise<Page<RepositoryName>> {
    await this.#oci.refresh();
    await longReads.next();
    const entries: RepositoryName[] = [];
    let looked = 0;
    for (const range of listing.listedRanges()) {
      if (range.before !== undefined && range.before <= last) continue;
      for (const name of this.#oci.index.repositoriesAfter(last, limit + 1, range)) {
        if (++looked % AT_ONCE === 0) await nextTurn();
        if (!listing.isListed(name)) continue;
        if (entries.length === limit) return { entries, more: true };
        entries.push(name);
      }
    }
    return { entries, more: false };
  }

  /** Reads again what was a miss, once this node has seen what other nodes have changed. */
  async #afterRefresh<T>(read: () => Promise<T | undefined>): Promise<T | undefined> {
    const refreshing = this.#oci.refresh();
    if (refreshing === undefined) return undefined;
    await refreshing;
    return read();
  }

  /** Created on first use: most requests upload nothing. */
  get #uploads(): InstanceUploads {
    return new InstanceUploads(this.#oci, this.#author, this.#policy);
  }

  #manifest(repository: RepositoryName, digest: Digest): StoredManifest | undefined {
    const { index, reads } = this.#oci;
    return reads.get("manifest", repository, digest, () => {
      const value = index.manifest(repository, digest);
      return value && { value, bytes: value.content.length };
    });
  }
}
