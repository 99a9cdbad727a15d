import type { Digest, DigestAlgorithm } from "../../primitives/digest.ts";
import type { Access } from "./access.ts";
import type { Annotations } from "./descriptor.ts";
import type { Manifest, NamedContent } from "./manifest.ts";
import type { Page, PageRequest } from "./page.ts";
import type { Precondition } from "./precondition.ts";
import type { RepositoryName } from "./repository-name.ts";
import type { Reference, Tag } from "./tag.ts";

/** An upload session's id, as its URL spells it. */
export type SessionId = string & { readonly __brand: "SessionId" };

/** Opens all bytes of a blob, or those of a range that lies within it; both ends included. */
export type BlobStream = (range?: {
  readonly first: number;
  readonly last: number;
}) => ReadableStream<Uint8Array<ArrayBuffer>>;

export interface StoredBlob {
  readonly size: number;
  /** Bytes in memory if small; an unread local file, of which the kernel sends all or a slice; or what opens a stream. */
  readonly content: Blob | Uint8Array<ArrayBuffer> | BlobStream;
  /** The same as the body of a response, where that costs less than to stream it otherwise. */
  readonly body?: BlobStream;
  /** Where clients are to fetch it instead: an address that is valid for minutes. */
  readonly redirect?: () => Promise<string>;
}

export interface StoredManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly content: Uint8Array<ArrayBuffer>;
  /** What the client should know, such as that this is an old copy; one line. */
  readonly warning?: string;
}

export interface ManifestPush {
  readonly digest: Digest;
  readonly content: Uint8Array;
  readonly manifest: Manifest;
  /** The tags to point at it. */
  readonly tags: readonly Tag[];
  /** Of each tag; of the manifest if there are none. Decided when the change is made. */
  readonly precondition?: Precondition | undefined;
}

/** A precondition does not hold, and nothing was changed. */
export interface UnmetPrecondition {
  readonly kind: "unmet";
  /** The tag or manifest that it is about, and the digest that is there; `undefined`: nothing is. */
  readonly reference: Reference;
  readonly current: Digest | undefined;
}

export type DeleteManifestResult = { readonly kind: "deleted" | "unknown" } | UnmetPrecondition;

/** What is wrong with the content that a manifest names, in its order. */
export interface ReferenceFaults {
  /** Required content that the repository lacks. */
  readonly missing: readonly Digest[];
  /** Content of another size than stated; in bytes. */
  readonly missized: readonly { readonly digest: Digest; readonly stated: number; readonly actual: number }[];
  /** Child manifests that are an index where an image is stated, or the other way round, by media type. */
  readonly mistyped: readonly { readonly digest: Digest; readonly stated: string; readonly actual: string }[];
}

/** `immutable`: a write-once tag points at another manifest; nothing was stored. */
export type PutManifestResult =
  | { readonly kind: "stored" }
  | { readonly kind: "immutable"; readonly tag: Tag; readonly current: Digest }
  | UnmetPrecondition
  | OverQuota;

/** A descriptor in the list of referrers (distribution-spec, "Listing Referrers"). */
export interface Referrer {
  readonly mediaType: string;
  readonly digest: Digest;
  /** In bytes. */
  readonly size: number;
  readonly artifactType?: string;
  readonly annotations?: Annotations;
}

export interface ReferrersRequest extends PageRequest {
  readonly artifactType: string | undefined;
  /** Maximal size of the page as JSON; a single entry may exceed it. */
  readonly maxBytes: number;
}

/** The limit on open upload sessions is reached; `reason` is a message for the client. */
export interface TooManySessions {
  readonly kind: "too-many";
  readonly reason: string;
}

/** The body of one request to an upload session. */
export interface Chunk {
  readonly body: AsyncIterable<Uint8Array>;
  /** The client's Content-Range, if any: the upload's size in bytes before and after this chunk. */
  readonly range: { readonly start: number; readonly end: number } | undefined;
  /** The client's Content-Length, if any. */
  readonly length: number | undefined;
}

/** A quota is used up; `reason` is a message for the client. */
export interface OverQuota {
  readonly kind: "over-quota";
  readonly reason: string;
}

/**
 * `short`: the body's length differs from its range; `out-of-order`: the chunk does not start at `size`, the upload's end;
 * `cancelled`: by another request, meanwhile.
 */
export type AppendFault =
  | { readonly kind: "out-of-order"; readonly size: number }
  | { readonly kind: "short" | "interrupted" | "busy" | "unknown" | "cancelled" }
  | OverQuota;

/** `session`: by which the next request is to name the session. */
export type AppendUploadResult =
  | AppendFault
  | { readonly kind: "appended"; readonly size: number; readonly session: SessionId };

export type FinishUploadResult =
  | AppendFault
  | { readonly kind: "stored" }
  | { readonly kind: "mismatch"; readonly actual: Digest };

/** What other nodes change. */
export interface FreshStorage {
  /**
   * To be awaited before a client is told that content which a digest names is there, not what it is: another node may have
   * deleted it. `undefined` where no wait is needed.
   */
  refresh(): Promise<void> | undefined;
}

/** Blobs, each visible only in the repositories that it was pushed to or mounted into. */
export interface BlobStorage {
  blob(repository: RepositoryName, digest: Digest): Promise<StoredBlob | undefined>;
  deleteBlob(repository: RepositoryName, digest: Digest): Promise<"deleted" | "unknown" | "in-use">;
  /** Adds a blob of `from` to `repository`; false if `from` does not have it. */
  mountBlob(repository: RepositoryName, digest: Digest, from: RepositoryName): Promise<boolean>;
  /** Some repositories that have the blob, for a mount without `from`. */
  repositoriesWith(digest: Digest): Promise<readonly RepositoryName[]>;
}

/** Upload sessions; each belongs to one repository. Bytes are durable before they are acknowledged. */
export interface UploadStorage {
  /** `algorithm` is the one of the blob's future digest. */
  startUpload(repository: RepositoryName, algorithm: DigestAlgorithm): Promise<SessionId | TooManySessions>;
  /** In bytes; `undefined` for an unknown session. */
  uploadSize(repository: RepositoryName, session: SessionId): Promise<number | undefined>;
  appendUpload(repository: RepositoryName, session: SessionId, chunk: Chunk): Promise<AppendUploadResult>;
  /** Appends the last chunk; stores the blob and ends the session if the bytes match `digest`. */
  finishUpload(
    repository: RepositoryName,
    session: SessionId,
    chunk: Chunk,
    digest: Digest,
  ): Promise<FinishUploadResult>;
  /** Also ends what another request is writing to the session. False for an unknown session. */
  cancelUpload(repository: RepositoryName, session: SessionId): Promise<boolean>;
}

export interface ManifestStorage {
  manifest(repository: RepositoryName, reference: Reference): Promise<StoredManifest | undefined>;
  /** Compares what a manifest names with what the repository holds; finds no fault if that may differ. */
  checkReferences(
    repository: RepositoryName,
    manifest: Manifest,
    named: readonly NamedContent[],
  ): Promise<ReferenceFaults>;
  putManifest(repository: RepositoryName, push: ManifestPush): Promise<PutManifestResult>;
  /** Removes a tag, or a manifest and every tag that points at it. */
  deleteManifest(
    repository: RepositoryName,
    reference: Reference,
    precondition: Precondition | undefined,
  ): Promise<DeleteManifestResult>;
}

/** Selects the repositories of a list: `isListed`, called only for names within `listedRanges`. */
export type Listing = Pick<Access, "isListed" | "listedRanges">;

/** Lists in byte order. */
export interface ListStorage {
  /** Empty for a repository without tags that holds content or has a history; `undefined` for any other. */
  tags(repository: RepositoryName, page: PageRequest): Promise<Page<Tag> | undefined>;
  /** Manifests whose subject is `subject`, sorted by digest. */
  referrers(repository: RepositoryName, subject: Digest, request: ReferrersRequest): Promise<Page<Referrer>>;
  /** The repositories that `listing` selects. */
  repositories(page: PageRequest, listing: Listing): Promise<Page<RepositoryName>>;
}

/** The storage under the engine, bound to the user who acts. What it can't get from elsewhere is an `UnobtainableError`. */
export interface RegistryStorage
  extends FreshStorage,
    BlobStorage,
    UploadStorage,
    ManifestStorage,
    ListStorage {}
