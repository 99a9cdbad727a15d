import { networkOf } from "../../primitives/client-network.ts";
import type { Digest, DigestAlgorithm } from "../../primitives/digest.ts";
import { parseUploadId } from "../../primitives/store/upload-id.ts";
import type { Upload } from "../../primitives/store/upload-store.ts";
import { Turns } from "../../primitives/turns.ts";
import { ANONYMOUS } from "../../primitives/users/user.ts";
import type { Manifest } from "../../registry/manifest.ts";
import type { Page, PageRequest } from "../../registry/paging.ts";
import type { RepositoryName } from "../../registry/repository-name.ts";
import type {
  AppendResult,
  Chunk,
  FinishResult,
  Listing,
  ManifestPush,
  PutManifestResult,
  Referrer,
  ReferrersRequest,
  RegistryStorage,
  SessionId,
  StoredBlob,
  StoredManifest,
  TooManySessions,
} from "../../registry/storage.ts";
import { nameOf, type Reference, type Tag } from "../../registry/tag.ts";
import { damageOf } from "./damage.ts";
import type { InstanceConfig } from "./instance-config.ts";
import type { OciView } from "./oci-view.ts";
import type { Actor } from "./store-changes.ts";

/** Blobs up to this size (bytes) are served from memory; opening a file costs more than sending them. */
const MAX_BLOB_IN_MEMORY = 32 * 1024;
/** Blobs up to this size (bytes) are hashed before they are served where that is due; larger ones beside it. */
const MAX_CHECKED_FIRST = 1024 * 1024;
/** A listed tag's share of the memory for reads besides its name, of which there are a text and its encoding; roughly. */
const BYTES_OF_TAG = 40;
const COPIES_OF_TAG = 2;
/** Look-ups after which other requests of the thread have their turn. */
const AT_ONCE = 200;
/** Repositories looked at for a mount that names none. */
const MAX_MOUNT_SOURCES = 100;

/** Of a thread: a list takes some milliseconds to read, and many may be asked for at once. */
const longReads = new Turns();

/** What an instance takes. */
export type Policy = Pick<InstanceConfig, "references" | "immutable" | "quota" | "repositoryQuota">;

/** The engine's storage over an OCI store, on behalf of one actor. */
export class InstanceStorage implements RegistryStorage {
  readonly #oci: OciView;
  readonly #actor: () => Actor;
  readonly #policy: Policy;

  constructor(oci: OciView, actor: () => Actor, policy: Policy) {
    this.#oci = oci;
    this.#actor = actor;
    this.#policy = policy;
  }

  async blob(repository: RepositoryName, digest: Digest): Promise<StoredBlob | undefined> {
    const { blobs, reads, recency, checks } = this.#oci;
    recency.touch(digest);
    const known = reads.get<Uint8Array<ArrayBuffer> | "in a file">("blob", repository, digest, () => {
      if (!this.#isLinked(repository, digest)) return undefined;
      const size = blobs.size(digest);
      if (size === undefined) return undefined;
      if (size > MAX_BLOB_IN_MEMORY) return { value: "in a file", bytes: 0 };
      const content = blobs.read(digest);
      return content && { value: content, bytes: size };
    });
    if (known instanceof Uint8Array) return { size: known.length, content: known };
    const file = known && blobs.file(digest);
    if (!file) return undefined;
    // Somebody has written to it since it was hashed; or it is small enough to be hashed while the client waits.
    const isDue = checks.isDue(digest);
    if (!file.isSealed || (isDue && file.size <= MAX_CHECKED_FIRST)) {
      if ((await blobs.verify(digest)) !== "sound") return undefined;
      checks.note(digest);
    } else if (isDue) {
      checks.note(digest);
      this.#oci.audit(digest);
    }
    return { size: file.size, content: Bun.file(blobs.path(digest)) };
  }

  deleteBlob(repository: RepositoryName, digest: Digest): Promise<"deleted" | "unknown" | "in-use"> {
    return this.#oci.changes.unlinkBlob(repository, digest);
  }

  async mountBlob(repository: RepositoryName, digest: Digest, from: RepositoryName): Promise<boolean> {
    const blob = await this.blob(from, digest);
    // The upload that follows instead is told of the quota.
    if (!blob || (await this.#overQuota(repository, digest, blob.size)) !== undefined) return false;
    await this.#oci.changes.linkBlob(repository, digest);
    return true;
  }

  async repositoriesWith(digest: Digest): Promise<readonly RepositoryName[]> {
    const linked = this.#oci.links.scopesOf(digest, MAX_MOUNT_SOURCES) as RepositoryName[];
    return [...new Set([...linked, ...this.#oci.index.repositoriesWith(digest, MAX_MOUNT_SOURCES)])];
  }

  async startUpload(
    repository: RepositoryName,
    algorithm: DigestAlgorithm,
  ): Promise<SessionId | TooManySessions> {
    const { identity, remote } = this.#actor();
    const user = identity.name === ANONYMOUS ? undefined : identity.name;
    const id = await this.#oci.uploads.create(repository, algorithm, { user, network: networkOf(remote) });
    if (typeof id === "string") return id as string as SessionId;
    const whose = { user: `of '${identity.name}'`, network: `from ${remote}`, all: "in this registry" }[
      id.of
    ];
    const reason = `${id.limit} uploads ${whose} are open; end some of them, or try again later`;
    return { kind: "too-many", reason };
  }

  async uploadSize(repository: RepositoryName, session: SessionId): Promise<number | undefined> {
    const id = parseUploadId(session);
    return id && this.#oci.uploads.find(id, repository)?.size;
  }

  appendUpload(repository: RepositoryName, session: SessionId, chunk: Chunk): Promise<AppendResult> {
    return this.#withUpload(repository, session, (upload) => this.#append(upload, chunk, false));
  }

  async finishUpload(
    repository: RepositoryName,
    session: SessionId,
    chunk: Chunk,
    digest: Digest,
  ): Promise<FinishResult> {
    let linked: Promise<void> | undefined;
    const result = await this.#withUpload(repository, session, async (upload): Promise<FinishResult> => {
      const appended = await this.#append(upload, chunk, true);
      if (appended.kind !== "appended") return appended;
      try {
        const finished = await this.#finish(repository, { ...upload, size: appended.size }, digest);
        if (finished.kind !== "stored") return finished;
        this.#oci.checks.note(digest);
      } catch (error) {
        // Taken back as far as it is acknowledged, so that the client can send its last chunk again.
        this.#oci.uploads.rewind(upload);
        throw error;
      }
      // Awaited below, so that the session is given up meanwhile.
      linked = this.#oci.changes.linkBlob(repository, digest);
      linked.catch(() => undefined);
      return { kind: "stored" };
    });
    await linked;
    return result;
  }

  async #finish(repository: RepositoryName, upload: Upload, digest: Digest): Promise<FinishResult> {
    this.#oci.recency.touch(digest);
    const reason = await this.#overQuota(repository, digest, upload.size);
    if (reason !== undefined) {
      this.#oci.uploads.cancel(upload);
      return { kind: "over-quota", reason };
    }
    return this.#oci.uploads.finish(upload, digest);
  }

  async cancelUpload(repository: RepositoryName, session: SessionId): Promise<boolean> {
    const result = await this.#withUpload(repository, session, async (upload) => {
      this.#oci.uploads.cancel(upload);
      return { kind: "cancelled" } as const;
    });
    return result.kind === "cancelled";
  }

  async manifest(repository: RepositoryName, reference: Reference): Promise<StoredManifest | undefined> {
    const { committed, missChecks } = this.#oci;
    try {
      const indexed = this.#indexed(repository, reference);
      return indexed || !missChecks.admit() ? indexed : await this.#missed(repository, reference);
    } catch (error) {
      const damage = damageOf(error);
      if (!damage) throw error;
      this.#oci.damaged(damage);
      return committed.manifest(repository, reference);
    }
  }

  /** What the index lacks and the commits have: it came just now, or the index has lost it. */
  async #missed(repository: RepositoryName, reference: Reference): Promise<StoredManifest | undefined> {
    const find = () => this.#oci.committed.manifest(repository, reference);
    if (!(await find())) return undefined;
    const indexed = this.#indexed(repository, reference);
    // It may have been deleted meanwhile.
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

  async missingReferences(repository: RepositoryName, manifest: Manifest): Promise<readonly Digest[]> {
    const { index, blobs, recency } = this.#oci;
    // Nothing that it names goes before the manifest is stored, whether it must be there or not.
    for (const named of [...manifest.blobs, ...manifest.alsoNamed]) recency.touch(named);
    if (this.#policy.references === "sparse") return [];
    const missing: Digest[] = [];
    let looked = 0;
    for (const blob of manifest.blobs) {
      if (++looked % AT_ONCE === 0) await yieldThread();
      if (!this.#isLinked(repository, blob) || blobs.size(blob) === undefined) missing.push(blob);
    }
    for (const child of manifest.manifests) {
      if (++looked % AT_ONCE === 0) await yieldThread();
      if (!index.hasManifest(repository, child)) missing.push(child);
    }
    return missing;
  }

  putManifest(
    repository: RepositoryName,
    { digest, content, tags }: ManifestPush,
  ): Promise<PutManifestResult> {
    const { immutable } = this.#policy;
    return this.#oci.changes.putManifest(this.#actor(), { repository, digest, content, tags, immutable });
  }

  deleteManifest(repository: RepositoryName, reference: Reference): Promise<boolean> {
    return this.#oci.changes.deleteManifest(this.#actor(), repository, reference);
  }

  async tags(repository: RepositoryName, { last, limit }: PageRequest): Promise<Page<Tag> | undefined> {
    const { index, reads } = this.#oci;
    const key = `${limit} ${last}`;
    if (limit > AT_ONCE && !reads.has("tags", repository, key)) await longReads.next();
    return reads.get("tags", repository, key, () => {
      if (!index.hasRepository(repository)) return undefined;
      const tags = index.tags(repository, last, limit + 1);
      const value = { entries: tags.slice(0, limit), more: tags.length > limit };
      const characters = tags.reduce((sum, tag) => sum + tag.length, 0);
      return { value, bytes: tags.length * BYTES_OF_TAG + characters * COPIES_OF_TAG };
    });
  }

  async referrers(
    repository: RepositoryName,
    subject: Digest,
    request: ReferrersRequest,
  ): Promise<Page<Referrer>> {
    await longReads.next();
    return this.#oci.index.referrers(repository, subject, request);
  }

  async repositories({ last, limit }: PageRequest, listing: Listing): Promise<Page<RepositoryName>> {
    await longReads.next();
    const entries: RepositoryName[] = [];
    let looked = 0;
    for (const range of listing.listedRanges()) {
      if (range.before !== undefined && range.before <= last) continue;
      for (const name of this.#oci.index.repositoriesAfter(last, limit + 1, range)) {
        if (++looked % AT_ONCE === 0) await yieldThread();
        if (!listing.isListed(name)) continue;
        if (entries.length === limit) return { entries, more: true };
        entries.push(name);
      }
    }
    return { entries, more: false };
  }

  async #overQuota(repository: RepositoryName, digest: Digest, size: number): Promise<string | undefined> {
    const { quotas, changes } = this.#oci;
    const { quota = quotas.registry, repositoryQuota = quotas.repository } = this.#policy;
    if (quota === undefined && repositoryQuota === undefined) return undefined;
    return changes.admitBlob(repository, digest, size, { registry: quota, repository: repositoryQuota });
  }

  #manifest(repository: RepositoryName, digest: Digest): StoredManifest | undefined {
    const { index, reads } = this.#oci;
    return reads.get("manifest", repository, digest, () => {
      const value = index.manifest(repository, digest);
      return value && { value, bytes: value.content.length };
    });
  }

  /** A blob belongs to a repository by having been uploaded or mounted there, or by a manifest that names it. */
  #isLinked(repository: RepositoryName, digest: Digest): boolean {
    const { index, links, reads } = this.#oci;
    const isLinked = reads.get("link", repository, digest, () =>
      index.refersToBlob(repository, digest) || links.has(repository, digest)
        ? { value: true, bytes: 0 }
        : undefined,
    );
    return isLinked ?? false;
  }

  async #append(upload: Upload, { body, range }: Chunk, isLast: boolean): Promise<AppendResult> {
    if (range && range.start !== upload.size) return { kind: "out-of-order", size: upload.size };
    const result = await this.#oci.uploads.append(upload, body, isLast);
    return result.kind === "appended" && range && result.size !== range.end ? { kind: "short" } : result;
  }

  async #withUpload<T>(
    repository: RepositoryName,
    session: SessionId,
    work: (upload: Upload) => Promise<T>,
  ): Promise<T | { readonly kind: "busy" | "unknown" }> {
    const id = parseUploadId(session);
    if (!id) return { kind: "unknown" };
    const result = await this.#oci.uploads.exclusively(id, async () => {
      const upload = this.#oci.uploads.find(id, repository);
      return upload ? work(upload) : ({ kind: "unknown" } as const);
    });
    return result === "busy" ? { kind: "busy" } : result;
  }
}

function yieldThread(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
