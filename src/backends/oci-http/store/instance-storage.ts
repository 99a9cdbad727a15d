import type { Digest, DigestAlgorithm } from "../../../primitives/digest.ts";
import { nextTurn } from "../../../primitives/jobs/next-turn.ts";
import { TurnQueue } from "../../../primitives/jobs/turn-queue.ts";
import { networkOf } from "../../../primitives/net/client-network.ts";
import { parseUploadId } from "../../../primitives/store/engine/upload-id.ts";
import type { Upload, UploadEnd } from "../../../primitives/store/engine/uploads.ts";
import { ANONYMOUS } from "../../../primitives/users/user.ts";
import type { Manifest } from "../../../registry/model/manifest.ts";
import type { Page, PageRequest } from "../../../registry/model/page.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type {
  AppendUploadResult,
  Chunk,
  FinishUploadResult,
  Listing,
  ManifestPush,
  OverQuota,
  PutManifestResult,
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
import type { Admission, Quotas } from "../policy/quotas.ts";
import type { InstanceConfig } from "../settings/instance-config.ts";
import { AdmittedBody } from "./admitted-body.ts";
import type { Author } from "./store-changes.ts";
import type { StoreView } from "./store-view.ts";

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
const longReads = new TurnQueue();

/** What an instance takes. */
export type Policy = Pick<InstanceConfig, "references" | "immutable" | "quota" | "repositoryQuota">;

/** The engine's storage over an OCI store, on behalf of one user. */
export class InstanceStorage implements RegistryStorage {
  readonly #oci: StoreView;
  readonly #author: () => Author;
  readonly #policy: Policy;

  constructor(oci: StoreView, author: () => Author, policy: Policy) {
    this.#oci = oci;
    this.#author = author;
    this.#policy = policy;
  }

  async blob(repository: RepositoryName, digest: Digest): Promise<StoredBlob | undefined> {
    const { blobs, reads, recency, checks } = this.#oci;
    recency.touch(digest);
    const known = await reads.load<Uint8Array<ArrayBuffer> | "large">(
      "blob",
      repository,
      digest,
      async () => {
        if (!(await this.#isLinked(repository, digest))) return undefined;
        const stat = await blobs.stat(digest);
        if (!stat) return undefined;
        if (stat.size > MAX_BLOB_IN_MEMORY) return { value: "large", bytes: 0 };
        const content = await blobs.read(digest);
        return content && { value: content, bytes: stat.size };
      },
    );
    if (known instanceof Uint8Array) return { size: known.length, content: known };
    const opened = known && (await blobs.open(digest));
    if (!opened) return undefined;
    const { size, file, stream, isSealed } = opened;
    // Another process has written to it since it was hashed; or it is small enough to be hashed while the client waits.
    const isDue = checks.isDue(digest);
    if (!isSealed || (isDue && size <= MAX_CHECKED_FIRST)) {
      if ((await blobs.verify(digest)) !== "sound") return undefined;
      checks.note(digest);
    } else if (isDue) {
      checks.note(digest);
      this.#oci.audit(digest);
    }
    return { size, content: file ?? stream };
  }

  deleteBlob(repository: RepositoryName, digest: Digest): Promise<"deleted" | "unknown" | "in-use"> {
    return this.#oci.changes.unlinkBlob(repository, digest);
  }

  async mountBlob(repository: RepositoryName, digest: Digest, from: RepositoryName): Promise<boolean> {
    const blob = await this.blob(from, digest);
    // The upload that follows instead is told of the quota.
    const admission = blob && ({ kind: "blob", digest, size: blob.size } as const);
    if (!admission || (await this.#overQuota(repository, admission)) !== undefined) return false;
    await this.#oci.changes.linkBlob(repository, digest, 0);
    return true;
  }

  async repositoriesWith(digest: Digest): Promise<readonly RepositoryName[]> {
    const linked = (await this.#oci.links.scopesOf(digest, MAX_MOUNT_SOURCES)) as RepositoryName[];
    return [...new Set([...linked, ...this.#oci.index.repositoriesWith(digest, MAX_MOUNT_SOURCES)])];
  }

  async startUpload(
    repository: RepositoryName,
    algorithm: DigestAlgorithm,
  ): Promise<SessionId | TooManySessions> {
    const { identity, remote } = this.#author();
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
    return id && (await this.#oci.uploads.find(id, repository))?.size;
  }

  appendUpload(repository: RepositoryName, session: SessionId, chunk: Chunk): Promise<AppendUploadResult> {
    return this.#withUpload(repository, session, (upload) => this.#append(repository, upload, chunk));
  }

  async finishUpload(
    repository: RepositoryName,
    session: SessionId,
    chunk: Chunk,
    digest: Digest,
  ): Promise<FinishUploadResult> {
    let linked: Promise<void> | undefined;
    const result = await this.#withUpload(
      repository,
      session,
      async (upload): Promise<FinishUploadResult> => {
        const appended = await this.#append(repository, upload, chunk, digest);
        if (appended.kind !== "appended") return appended;
        let added: number;
        try {
          const finished = await this.#finish(repository, { ...upload, size: appended.size }, digest);
          if (finished.kind !== "stored") return finished;
          added = finished.added;
          this.#oci.checks.note(digest);
        } catch (error) {
          // Taken back as far as it is acknowledged, so that the client can send its last chunk again.
          await this.#oci.uploads.rewind(upload);
          throw error;
        }
        // Awaited below, so that the session is given up meanwhile.
        linked = this.#oci.changes.linkBlob(repository, digest, added);
        linked.catch(() => undefined);
        return { kind: "stored" };
      },
    );
    await linked;
    return result;
  }

  async #finish(repository: RepositoryName, upload: Upload, digest: Digest): Promise<UploadEnd | OverQuota> {
    this.#oci.recency.touch(digest);
    const { id: session, size } = upload;
    const reason = await this.#overQuota(repository, { kind: "blob", digest, size, session });
    if (reason !== undefined) return this.#giveUp(upload, reason);
    return this.#oci.uploads.finish(upload, digest);
  }

  async cancelUpload(repository: RepositoryName, session: SessionId): Promise<boolean> {
    const result = await this.#withUpload(repository, session, async (upload) => {
      await this.#oci.uploads.cancel(upload);
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
    for (const named of [...manifest.blobs, ...manifest.otherReferences]) recency.touch(named);
    if (this.#policy.references === "sparse") return [];
    const missing: Digest[] = [];
    let looked = 0;
    for (const blob of manifest.blobs) {
      if (++looked % AT_ONCE === 0) await nextTurn();
      if (!(await this.#isLinked(repository, blob)) || !(await blobs.stat(blob))) missing.push(blob);
    }
    for (const child of manifest.manifests) {
      if (++looked % AT_ONCE === 0) await nextTurn();
      if (!index.hasManifest(repository, child)) missing.push(child);
    }
    return missing;
  }

  putManifest(
    repository: RepositoryName,
    { digest, content, tags }: ManifestPush,
  ): Promise<PutManifestResult> {
    const { immutable } = this.#policy;
    const quotas = this.#quotas;
    const commit = { repository, digest, content, tags, immutable, ...(quotas && { quotas }) };
    return this.#oci.changes.putManifest(this.#author(), commit);
  }

  deleteManifest(repository: RepositoryName, reference: Reference): Promise<boolean> {
    return this.#oci.changes.deleteManifest(this.#author(), repository, reference);
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
        if (++looked % AT_ONCE === 0) await nextTurn();
        if (!listing.isListed(name)) continue;
        if (entries.length === limit) return { entries, more: true };
        entries.push(name);
      }
    }
    return { entries, more: false };
  }

  /** `undefined` if there are none. */
  get #quotas(): Quotas | undefined {
    const { quotas } = this.#oci;
    const { quota: registry = quotas.registry, repositoryQuota: repository = quotas.repository } =
      this.#policy;
    return registry === undefined && repository === undefined ? undefined : { registry, repository };
  }

  async #overQuota(repository: RepositoryName, admission: Admission): Promise<string | undefined> {
    const quotas = this.#quotas;
    return quotas && this.#oci.changes.admit(repository, admission, quotas);
  }

  #manifest(repository: RepositoryName, digest: Digest): StoredManifest | undefined {
    const { index, reads } = this.#oci;
    return reads.get("manifest", repository, digest, () => {
      const value = index.manifest(repository, digest);
      return value && { value, bytes: value.content.length };
    });
  }

  /** A blob belongs to a repository by having been uploaded or mounted there, or by a manifest that names it. */
  async #isLinked(repository: RepositoryName, digest: Digest): Promise<boolean> {
    const { index, links, reads } = this.#oci;
    const isLinked = await reads.load("link", repository, digest, async () =>
      index.refersToBlob(repository, digest) || (await links.has(repository, digest))
        ? { value: true, bytes: 0 }
        : undefined,
    );
    return isLinked ?? false;
  }

  /** With a digest it is the last chunk. */
  async #append(
    repository: RepositoryName,
    upload: Upload,
    { body, range, length }: Chunk,
    digest?: Digest,
  ): Promise<AppendUploadResult> {
    const { id: session, size: start } = upload;
    if (range && range.start !== start) return { kind: "out-of-order", size: start };
    const admit = (size: number) => this.#overQuota(repository, { kind: "upload", session, size, digest });
    const admitted = this.#quotas && (await AdmittedBody.open(body, { start, length, admit }));
    if (typeof admitted === "string") return this.#giveUp(upload, admitted);
    const result = await this.#oci.uploads.append(upload, admitted ?? body, digest !== undefined);
    if (admitted?.refusal !== undefined) return this.#giveUp(upload, admitted.refusal);
    return result.kind === "appended" && range && result.size !== range.end ? { kind: "short" } : result;
  }

  /** What can't be finished need not be resumed. */
  async #giveUp(upload: Upload, reason: string): Promise<OverQuota> {
    await this.#oci.uploads.cancel(upload);
    return { kind: "over-quota", reason };
  }

  async #withUpload<T>(
    repository: RepositoryName,
    session: SessionId,
    work: (upload: Upload) => Promise<T>,
  ): Promise<T | { readonly kind: "busy" | "unknown" }> {
    const id = parseUploadId(session);
    if (!id) return { kind: "unknown" };
    const result = await this.#oci.uploads.exclusively(id, async () => {
      const upload = await this.#oci.uploads.find(id, repository);
      return upload ? work(upload) : ({ kind: "unknown" } as const);
    });
    return result === "busy" ? { kind: "busy" } : result;
  }
}
