import type { Digest, DigestAlgorithm } from "../../primitives/digest.ts";
import type { Access } from "./access.ts";
import type { Annotations, Manifest } from "./manifest.ts";
import type { Page, PageRequest } from "./page.ts";
import type { RepositoryName } from "./repository-name.ts";
import type { Reference, Tag } from "./tag.ts";

/** An upload session's id, as it stands in its URL. */
export type SessionId = string & { readonly __brand: "SessionId" };

export interface StoredBlob {
  readonly size: number;
  /** In memory if small; otherwise not read yet: the kernel sends it, whole or a slice. */
  readonly content: Blob | Uint8Array<ArrayBuffer>;
}

export interface StoredManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly content: Uint8Array<ArrayBuffer>;
}

export interface ManifestPush {
  readonly digest: Digest;
  readonly content: Uint8Array;
  readonly manifest: Manifest;
  /** The tags that are to stand for it. */
  readonly tags: readonly Tag[];
}

/** `immutable`: a tag is write-once and stands for something else; nothing was stored. */
export type PutManifestResult =
  | { readonly kind: "stored" }
  | { readonly kind: "immutable"; readonly tag: Tag; readonly current: Digest }
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
  /** Size of the page as JSON at the most, but for a single entry. */
  readonly maxBytes: number;
}

/** So many upload sessions are open that there can be no other; `reason` in words for the client. */
export interface TooManySessions {
  readonly kind: "too-many";
  readonly reason: string;
}

/** What a request brings to an upload. */
export interface Chunk {
  readonly body: AsyncIterable<Uint8Array>;
  /** Where the client believes the upload to end before and after it, in bytes, if it said so. */
  readonly range: { readonly start: number; readonly end: number } | undefined;
  /** Bytes of the body, if the client said so. */
  readonly length: number | undefined;
}

/** There may be no more; `reason` in words for the client. */
export interface OverQuota {
  readonly kind: "over-quota";
  readonly reason: string;
}

/** `short`: the body was not as long as its range; `out-of-order`: the upload ends at `size`. */
export type AppendFault =
  | { readonly kind: "out-of-order"; readonly size: number }
  | { readonly kind: "short" | "interrupted" | "busy" | "unknown" }
  | OverQuota;

export type AppendResult = AppendFault | { readonly kind: "appended"; readonly size: number };

export type FinishResult =
  | AppendFault
  | { readonly kind: "stored" }
  | { readonly kind: "mismatch"; readonly actual: Digest };

/** Blobs as one repository sees them. */
export interface BlobStorage {
  blob(repository: RepositoryName, digest: Digest): Promise<StoredBlob | undefined>;
  deleteBlob(repository: RepositoryName, digest: Digest): Promise<"deleted" | "unknown" | "in-use">;
  /** Makes a blob of `from` one of `repository` too; false if `from` does not have it. */
  mountBlob(repository: RepositoryName, digest: Digest, from: RepositoryName): Promise<boolean>;
  /** Some repositories that have the blob, for a mount that names none. */
  repositoriesWith(digest: Digest): Promise<readonly RepositoryName[]>;
}

/** Upload sessions, each of one repository. What is acknowledged is durable. */
export interface UploadStorage {
  /** `algorithm` is what the blob's digest is going to use. */
  startUpload(repository: RepositoryName, algorithm: DigestAlgorithm): Promise<SessionId | TooManySessions>;
  uploadSize(repository: RepositoryName, session: SessionId): Promise<number | undefined>;
  appendUpload(repository: RepositoryName, session: SessionId, chunk: Chunk): Promise<AppendResult>;
  /** Appends the last chunk and ends the session if its bytes have that digest. */
  finishUpload(
    repository: RepositoryName,
    session: SessionId,
    chunk: Chunk,
    digest: Digest,
  ): Promise<FinishResult>;
  cancelUpload(repository: RepositoryName, session: SessionId): Promise<boolean>;
}

export interface ManifestStorage {
  manifest(repository: RepositoryName, reference: Reference): Promise<StoredManifest | undefined>;
  /** What the manifest names and the repository lacks; nothing where the repository need not be complete. */
  missingReferences(repository: RepositoryName, manifest: Manifest): Promise<readonly Digest[]>;
  putManifest(repository: RepositoryName, push: ManifestPush): Promise<PutManifestResult>;
  /** Removes a tag, or a manifest with every tag on it; false if there was none. */
  deleteManifest(repository: RepositoryName, reference: Reference): Promise<boolean>;
}

/** Which repositories are listed; only those are looked at that lie in its ranges. */
export type Listing = Pick<Access, "isListed" | "listedRanges">;

/** Lists in lexical (byte) order. */
export interface ListStorage {
  /** `undefined` if there is no such repository. */
  tags(repository: RepositoryName, page: PageRequest): Promise<Page<Tag> | undefined>;
  /** Manifests whose subject this is, by digest. */
  referrers(repository: RepositoryName, subject: Digest, request: ReferrersRequest): Promise<Page<Referrer>>;
  /** Those repositories that `listing` lets pass. */
  repositories(page: PageRequest, listing: Listing): Promise<Page<RepositoryName>>;
}

/** All that the engine needs of a place to keep things, already bound to who is acting. */
export interface RegistryStorage extends BlobStorage, UploadStorage, ManifestStorage, ListStorage {}
