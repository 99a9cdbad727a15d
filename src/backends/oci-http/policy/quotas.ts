import { LruCache } from "../../../primitives/bounds/lru-cache.ts";
import type { Digest } from "../../../primitives/digest.ts";
import type { BlobSizeCounter } from "../../../primitives/store/blobs/blob-sizes.ts";
import type { LocalUploadLocks } from "../../../primitives/store/blobs/upload-locks.ts";
import { scopeHash, type UploadId } from "../../../primitives/store/engine/upload-id.ts";
import type { Upload, UploadStore } from "../../../primitives/store/engine/uploads.ts";
import type { ScopeClock } from "../../../primitives/store/index/scope-clock.ts";
import { formatSize } from "../../../primitives/text/byte-size.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import { type CountedContent, countBlobs } from "./count-blobs.ts";

/**
 * Limits of stored bytes. A repository counts its blobs, manifests and open uploads; a registry counts those of all its
 * repositories, each blob once. `undefined`: no limit.
 */
export interface Quotas {
  readonly registry?: number | undefined;
  readonly repository?: number | undefined;
}

/** Content that is about to be stored in a repository. */
export type Admission =
  /** A blob, from a finished upload or mounted from another repository. */
  | { readonly kind: "blob"; readonly digest: Digest; readonly size: number; readonly session?: UploadId }
  /** An upload that will hold `size` bytes; `digest` if the client has sent it already. */
  | {
      readonly kind: "upload";
      readonly session: UploadId;
      readonly size: number;
      readonly digest?: Digest | undefined;
    }
  | { readonly kind: "manifest"; readonly digest: Digest; readonly size: number };

/** Blobs remembered for all repositories together. */
const MAX_REMEMBERED_BLOBS = 200_000;
/** Age (ms) after which a repository is counted again: admitted uploads may have failed. */
const MAX_AGE_MS = 60_000;
/** What other nodes hold of uploads may be this old (ms) for an admission, but not for a refusal. */
const SESSIONS_AGE_MS = 5000;

/** The parts of a store that tell how much its repositories use. */
interface Counted extends CountedContent {
  readonly sizes: BlobSizeCounter;
  readonly uploads: Pick<UploadStore, "list">;
  readonly locks: Pick<LocalUploadLocks, "isHeld">;
}

/** The current state that an admission is compared with. */
interface Known {
  /** Size of the blob, if it is already stored. */
  readonly blobSize: number | undefined;
  readonly sessions: readonly Pick<Upload, "id" | "scope" | "size">[];
}

interface Use {
  readonly blobBytes: number | undefined;
  readonly use: RepositoryUse | undefined;
  readonly known: Known;
}

interface RepositoryUse {
  readonly counted: number;
  /** The clock's count of removals at the time of the count. */
  readonly removals: number;
  readonly blobs: Set<Digest>;
  bytes: number;
}

/**
 * Counts what the repositories of a store use, on the thread that owns it. Admitted content counts at once, so that
 * concurrent pushes can't exceed a quota together. Before a refusal, removals are taken into account.
 */
export class QuotaLedger {
  readonly #oci: Counted;
  readonly #clock: ScopeClock;
  readonly #repositories = new LruCache<RepositoryName, RepositoryUse>(MAX_REMEMBERED_BLOBS);
  readonly #counting = new Map<RepositoryName, Promise<RepositoryUse>>();
  /** Admitted sizes of running uploads. */
  readonly #growing = new Map<UploadId, { readonly scope: string; readonly size: number }>();
  readonly #arriving = new Map<Digest, { readonly size: number; readonly since: number }>();
  /** Running uploads that were admitted as blobs and count as such. */
  readonly #placing = new Set<UploadId>();
  /** Bytes of admitted manifests that are not stored yet. */
  readonly #pushed = new Map<RepositoryName, number>();

  constructor(oci: Counted, clock: ScopeClock) {
    this.#oci = oci;
    this.#clock = clock;
  }

  /** Admits content; returns the reason if it is refused, in words for the client. */
  async admit(repository: RepositoryName, admission: Admission, quotas: Quotas): Promise<string | undefined> {
    const blobs = quotas.registry === undefined ? undefined : (await this.#oci.sizes.first()).bytes;
    let use = quotas.repository === undefined ? undefined : await this.#count(repository);
    // No `await` between the check and the note, so that of two concurrent admissions the second counts the first.
    let known = await this.#lookUp(admission, SESSIONS_AGE_MS);
    let reason = this.#refusal(repository, admission, quotas, { blobBytes: blobs, use, known });
    if (reason !== undefined) {
      if (use && use.removals !== this.#removals(repository)) {
        this.#repositories.delete(repository);
        use = await this.#count(repository);
      }
      known = await this.#lookUp(admission, 0);
      reason = this.#refusal(repository, admission, quotas, { blobBytes: blobs, use, known });
    }
    if (reason === undefined) this.#note(repository, admission, use, known);
    return reason;
  }

  /**
   * Whether the content of a repository fits into an empty one, in a registry that then holds its manifests `copies` more times;
   * returns the reason if not.
   */
  async refuseCopy(
    {
      from,
      to,
      copies,
    }: { readonly from: RepositoryName; readonly to: RepositoryName; readonly copies: 0 | 1 },
    quotas: Quotas,
  ): Promise<string | undefined> {
    const { index, sizes } = this.#oci;
    const manifests = index.manifestBytes(from);
    if (quotas.repository !== undefined) {
      const size = (await this.#count(from)).bytes + manifests;
      if (size > quotas.repository)
        return `the quota of the repository '${to}' is ${formatSize(quotas.repository)}; '${from}' has ${formatSize(size)}`;
    }
    if (quotas.registry === undefined || copies === 0) return undefined;
    const used = (await sizes.first()).bytes + index.manifestBytes();
    if (used + manifests <= quotas.registry) return undefined;
    return `the quota of the registry is ${formatSize(quotas.registry)}, of which ${formatSize(used)} are used; the manifests of '${from}' have ${formatSize(manifests)}`;
  }

  /** Called when the push of an admitted manifest has succeeded or failed. */
  settleManifest(repository: RepositoryName, size: number): void {
    const left = (this.#pushed.get(repository) ?? 0) - size;
    if (left > 0) this.#pushed.set(repository, left);
    else this.#pushed.delete(repository);
  }

  /** Called when a blob was added to a repository, admitted or not; `added` bytes of it are new to the store. */
  linked(repository: RepositoryName, digest: Digest, added: number): void {
    if (added > 0) this.#oci.sizes.added(digest, added);
    this.#arriving.delete(digest);
    const use = this.#repositories.get(repository);
    if (!use || use.blobs.has(digest)) return;
    use.blobs.add(digest);
    this.#oci.blobs.stat(digest).then(
      (stat) => {
        use.bytes += stat?.size ?? 0;
      },
      // The blob's size is unknown: the repository is counted again the next time.
      () => this.#repositories.delete(repository),
    );
  }

  async #lookUp(admission: Admission, sessionsAgeMs: number): Promise<Known> {
    const { digest } = admission;
    const stat =
      digest === undefined || admission.kind === "manifest" ? undefined : await this.#oci.blobs.stat(digest);
    return { blobSize: stat?.size, sessions: await this.#oci.uploads.list(sessionsAgeMs) };
  }

  #refusal(
    repository: RepositoryName,
    admission: Admission,
    quotas: Quotas,
    { blobBytes, use, known }: Use,
  ): string | undefined {
    const { index } = this.#oci;
    const { kind, size } = admission;
    const uploads = this.#uploadBytes(
      known.sessions,
      admission.kind === "manifest" ? undefined : admission.session,
    );
    const isHere = kind === "manifest" && index.hasManifest(repository, admission.digest);
    // A stored blob may be uploaded again: it replaces itself.
    const isAgain = admission.digest !== undefined && size <= (known.blobSize ?? -1);
    const check = (what: string, quota: number | undefined, used: number, isKnown: boolean) =>
      isKnown || quota === undefined || used + size <= quota
        ? undefined
        : refusal(what, quota, used, admission);
    if (blobBytes !== undefined) {
      const pushed = [...this.#pushed.values()].reduce((sum, bytes) => sum + bytes, 0);
      const used = blobBytes + this.#arrivingBytes() + index.manifestBytes() + pushed + uploads.all;
      const isKnown = kind === "manifest" ? isHere : isAgain;
      const reason = check("the registry", quotas.registry, used, isKnown);
      if (reason !== undefined) return reason;
    }
    if (!use) return undefined;
    const scoped = uploads.byScope.get(scopeHash(repository)) ?? 0;
    const used = use.bytes + index.manifestBytes(repository) + (this.#pushed.get(repository) ?? 0) + scoped;
    const isOfRepository = admission.digest !== undefined && use.blobs.has(admission.digest);
    const isKnown = kind === "manifest" ? isHere : isAgain && isOfRepository;
    return check(`the repository '${repository}'`, quotas.repository, used, isKnown);
  }

  #note(
    repository: RepositoryName,
    admission: Admission,
    use: RepositoryUse | undefined,
    { blobSize }: Known,
  ): void {
    const { size } = admission;
    switch (admission.kind) {
      case "manifest":
        this.#pushed.set(repository, (this.#pushed.get(repository) ?? 0) + size);
        return;
      case "upload":
        this.#growing.set(admission.session, { scope: scopeHash(repository), size });
        return;
      case "blob":
        if (admission.session) {
          this.#growing.delete(admission.session);
          this.#placing.add(admission.session);
        }
        if (blobSize === undefined) this.#arriving.set(admission.digest, { size, since: performance.now() });
        if (!use || use.blobs.has(admission.digest)) return;
        use.blobs.add(admission.digest);
        use.bytes += size;
    }
  }

  /** Bytes that open uploads hold or are admitted to, without the upload `except`, which is being admitted. */
  #uploadBytes(sessions: Known["sessions"], except: UploadId | undefined) {
    const bytes = new Map<UploadId, { readonly scope: string; size: number }>();
    for (const { id, scope, size } of sessions) bytes.set(id, { scope, size });
    for (const [id, { scope, size }] of this.#growing) {
      if (!this.#oci.locks.isHeld(id)) this.#growing.delete(id);
      else bytes.set(id, { scope, size: Math.max(size, bytes.get(id)?.size ?? 0) });
    }
    for (const id of this.#placing) {
      if (this.#oci.locks.isHeld(id)) bytes.delete(id);
      else this.#placing.delete(id);
    }
    if (except) bytes.delete(except);
    let all = 0;
    const byScope = new Map<string, number>();
    for (const { scope, size } of bytes.values()) {
      all += size;
      byScope.set(scope, (byScope.get(scope) ?? 0) + size);
    }
    return { all, byScope };
  }

  #arrivingBytes(): number {
    let bytes = 0;
    for (const [digest, { size, since }] of this.#arriving) {
      if (performance.now() - since > MAX_AGE_MS) this.#arriving.delete(digest);
      else bytes += size;
    }
    return bytes;
  }

  #removals(repository: RepositoryName): number {
    return this.#clock.read(this.#clock.slotOf(repository, "removal"));
  }

  async #count(repository: RepositoryName): Promise<RepositoryUse> {
    const known = this.#repositories.get(repository);
    if (known && performance.now() - known.counted < MAX_AGE_MS) return known;
    const counting = this.#counting.get(repository) ?? this.#countRepository(repository);
    this.#counting.set(repository, counting);
    try {
      return await counting;
    } finally {
      this.#counting.delete(repository);
    }
  }

  async #countRepository(repository: RepositoryName): Promise<RepositoryUse> {
    const removals = this.#removals(repository);
    const { blobs, bytes } = await countBlobs(this.#oci, repository);
    const use = { counted: performance.now(), removals, blobs, bytes };
    this.#repositories.set(repository, use, blobs.size + 1);
    return use;
  }
}

function refusal(what: string, quota: number, used: number, { kind, size }: Admission): string {
  return `the quota of ${what} is ${formatSize(quota)}, of which ${formatSize(used)} are used; this ${kind} has ${formatSize(size)}`;
}
