import type { Digest, DigestAlgorithm } from "../../../primitives/digest.ts";
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
import type { Reference, Tag } from "../../../registry/model/tag.ts";
import { UnobtainableError, type UnobtainableKind } from "../../../registry/model/unobtainable.ts";
import type { Author } from "../store/store-changes.ts";
import { growingBlob } from "./growing-blob.ts";
import type { MirrorCalls, MirrorFailure, MirrorRequest } from "./mirror-calls.ts";
import type { MirrorView } from "./mirror-view.ts";

/** Seconds after which a client may ask again for what upstream could not give. */
const RETRY_SECONDS = 5;

/** How often content may be gone again before the client gets it. */
const MAX_REMOVALS = 3;

/** What of a request matters for where its content comes from. */
export interface MirroredRequest {
  /** It wants no content. */
  readonly isHead: boolean;
  /** The registry that the client's image is from, by its name; `undefined` if the client does not say. */
  readonly namespace?: string | undefined;
}

/**
 * The storage of a registry with an upstream, on behalf of one user: what it has is served from it, and what it lacks is
 * fetched first.
 */
export class MirrorStorage implements RegistryStorage {
  readonly #own: RegistryStorage;
  readonly #mirror: MirrorView;
  readonly #author: () => Author;
  readonly #request: MirroredRequest;

  constructor(own: RegistryStorage, mirror: MirrorView, author: () => Author, request: MirroredRequest) {
    this.#own = own;
    this.#mirror = mirror;
    this.#author = author;
    this.#request = request;
  }

  async blob(repository: RepositoryName, digest: Digest): Promise<StoredBlob | undefined> {
    const source = this.#sourceOf(repository);
    if (source !== "mirror") return source && this.#own.blob(repository, digest);
    const own = await this.#own.blob(repository, digest);
    if (own && this.#mirror.isKnownBlob(repository, digest)) {
      this.#mirror.noteHit();
      return own;
    }
    const { isHead } = this.#request;
    // Who pushes asks so whether it must be uploaded: only what is here counts.
    if (!own && isHead && this.#mirror.acceptsPushes) return undefined;
    return unlessRemoved(() => this.#fetchedBlob(repository, digest, own));
  }

  async #fetchedBlob(
    repository: RepositoryName,
    digest: Digest,
    own: StoredBlob | undefined,
  ): Promise<StoredBlob | "removed" | undefined> {
    const fetched = await this.#calls.blob(this.#asked(repository), digest, this.#request.isHead);
    switch (fetched.kind) {
      case "growing":
        return growingBlob(fetched, () => this.#own.blob(repository, digest));
      case "absent":
        return { size: fetched.size, content: new Uint8Array() };
      case "stored":
        this.#mirror.noteBlob(repository, digest);
        if (own) this.#mirror.noteHit();
        return own ?? (await this.#own.blob(repository, digest)) ?? "removed";
      default:
        return missed(fetched);
    }
  }

  async manifest(repository: RepositoryName, reference: Reference): Promise<StoredManifest | undefined> {
    const source = this.#sourceOf(repository);
    if (source !== "mirror") return source && this.#own.manifest(repository, reference);
    const isFresh = reference.kind === "digest" || this.#mirror.isFresh(repository, reference.tag);
    const own = isFresh ? await this.#own.manifest(repository, reference) : undefined;
    if (own) {
      this.#mirror.noteHit();
      return own;
    }
    return unlessRemoved(() => this.#fetchedManifest(repository, reference));
  }

  async #fetchedManifest(
    repository: RepositoryName,
    reference: Reference,
  ): Promise<StoredManifest | "removed" | undefined> {
    const result = await this.#calls.manifest(this.#asked(repository), reference);
    switch (result.kind) {
      case "current":
        if (reference.kind === "tag") this.#mirror.noteFresh(repository, reference.tag, result.freshMs);
        return (await this.#own.manifest(repository, reference)) ?? "removed";
      case "stale": {
        const copy = await this.#own.manifest(repository, reference);
        return copy ? { ...copy, warning: result.warning } : "removed";
      }
      default:
        return missed(result);
    }
  }

  async tags(repository: RepositoryName, page: PageRequest): Promise<Page<Tag> | undefined> {
    const source = this.#sourceOf(repository);
    if (source !== "mirror") return source && this.#own.tags(repository, page);
    const result = await this.#calls.tags(this.#asked(repository), page);
    if (result.kind === "own") return this.#own.tags(repository, page);
    if (result.kind !== "page") return missed(result);
    if (!this.#mirror.mayHaveOwn(repository)) return result.page;
    return merged(await this.#own.tags(repository, page), result.page, page.limit);
  }

  async referrers(
    repository: RepositoryName,
    subject: Digest,
    request: ReferrersRequest,
  ): Promise<Page<Referrer>> {
    const source = this.#sourceOf(repository);
    if (source === undefined) return { entries: [], more: false };
    if (source === "mirror") await this.#calls.referrers(this.#asked(repository), subject);
    return this.#own.referrers(repository, subject, request);
  }

  refresh(): Promise<void> | undefined {
    return this.#own.refresh();
  }

  repositories(page: PageRequest, listing: Listing): Promise<Page<RepositoryName>> {
    return this.#own.repositories(page, listing);
  }

  deleteBlob(repository: RepositoryName, digest: Digest): Promise<"deleted" | "unknown" | "in-use"> {
    return this.#own.deleteBlob(repository, digest);
  }

  async mountBlob(repository: RepositoryName, digest: Digest, from: RepositoryName): Promise<boolean> {
    return (await this.#mayGive(from, digest)) && this.#own.mountBlob(repository, digest, from);
  }

  repositoriesWith(digest: Digest): Promise<readonly RepositoryName[]> {
    return this.#own.repositoriesWith(digest);
  }

  startUpload(repository: RepositoryName, algorithm: DigestAlgorithm): Promise<SessionId | TooManySessions> {
    return this.#own.startUpload(repository, algorithm);
  }

  uploadSize(repository: RepositoryName, session: SessionId): Promise<number | undefined> {
    return this.#own.uploadSize(repository, session);
  }

  appendUpload(repository: RepositoryName, session: SessionId, chunk: Chunk): Promise<AppendUploadResult> {
    return this.#own.appendUpload(repository, session, chunk);
  }

  finishUpload(
    repository: RepositoryName,
    session: SessionId,
    chunk: Chunk,
    digest: Digest,
  ): Promise<FinishUploadResult> {
    return this.#own.finishUpload(repository, session, chunk, digest);
  }

  cancelUpload(repository: RepositoryName, session: SessionId): Promise<boolean> {
    return this.#own.cancelUpload(repository, session);
  }

  /** Blobs that only a manifest of an upstream names are missing here: a push could otherwise get at those of others. */
  async checkReferences(
    repository: RepositoryName,
    manifest: Manifest,
    named: readonly NamedContent[],
  ): Promise<ReferenceFaults> {
    const faults = await this.#own.checkReferences(repository, manifest, named);
    if (this.#sourceOf(repository) !== "mirror" || this.#mirror.isSparse) return faults;
    const missing = new Set(faults.missing);
    for (const { kind, digest } of named)
      if (kind === "blob" && !missing.has(digest) && !(await this.#mayGive(repository, digest)))
        missing.add(digest);
    return { ...faults, missing: [...missing] };
  }

  putManifest(repository: RepositoryName, push: ManifestPush): Promise<PutManifestResult> {
    return this.#own.putManifest(repository, push);
  }

  deleteManifest(
    repository: RepositoryName,
    reference: Reference,
    precondition: Precondition | undefined,
  ): Promise<DeleteManifestResult> {
    return this.#own.deleteManifest(repository, reference, precondition);
  }

  /** Whether a blob that is here came to the repository, so that whoever may read that one may have it. */
  async #mayGive(repository: RepositoryName, digest: Digest): Promise<boolean> {
    if (this.#sourceOf(repository) !== "mirror" || this.#mirror.isKnownBlob(repository, digest)) return true;
    const { kind } = await this.#calls.blob(this.#asked(repository), digest, true);
    if (kind === "stored") this.#mirror.noteBlob(repository, digest);
    return kind === "stored";
  }

  get #calls(): MirrorCalls {
    return this.#mirror.calls;
  }

  /** `undefined`: the client asks for the content of another registry than the one that this repository is from. */
  #sourceOf(repository: RepositoryName): "own" | "mirror" | undefined {
    const place = this.#mirror.placeOf(repository);
    if (!place) return "own";
    const { namespace } = this.#request;
    if (namespace !== undefined && !this.#mirror.isNamed(place, namespace)) return undefined;
    return this.#mirror.asks ? "mirror" : "own";
  }

  #asked(repository: RepositoryName): MirrorRequest {
    return { instance: this.#mirror.instance, repository, author: this.#author() };
  }
}

/**
 * Fetches until what was fetched is still there when it is to be served: the collector, perhaps of another node, may prune it in
 * between.
 */
async function unlessRemoved<T>(fetched: () => Promise<T | "removed" | undefined>): Promise<T | undefined> {
  for (let tries = 1; ; tries++) {
    const found = await fetched();
    if (found !== "removed") return found;
    if (tries === MAX_REMOVALS)
      throw new UnobtainableError("away", "it was removed meanwhile", RETRY_SECONDS);
  }
}

/** `undefined` for what upstream does not have. Throws `UnobtainableError`. */
function missed(failure: MirrorFailure): undefined {
  if (failure.kind === "unknown") return undefined;
  const kinds: Readonly<Record<typeof failure.kind, UnobtainableKind>> = {
    limited: "limited",
    unavailable: "away",
    unsound: "unsound",
    refused: "refused",
  };
  const seconds = {
    limited: "retryAfterSeconds" in failure ? failure.retryAfterSeconds : undefined,
    unavailable: RETRY_SECONDS,
  };
  throw new UnobtainableError(
    kinds[failure.kind],
    failure.reason,
    failure.kind === "limited" || failure.kind === "unavailable" ? seconds[failure.kind] : undefined,
  );
}

/** Two lists that are sorted alike as one, as far as both are known. */
function merged(own: Page<Tag> | undefined, theirs: Page<Tag>, limit: number): Page<Tag> {
  if (!own) return theirs;
  const ends = [own, theirs].flatMap(({ entries, more }) => (more ? (entries.at(-1) ?? "") : []));
  const all = [...new Set([...own.entries, ...theirs.entries])]
    .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .filter((tag) => ends.every((end) => tag <= end));
  return { entries: all.slice(0, limit), more: ends.length > 0 || all.length > limit };
}
