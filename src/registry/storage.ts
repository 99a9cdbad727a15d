import type { Digest } from "../primitives/digest.ts";
import type { Manifest } from "./manifest.ts";
import type { RepositoryName } from "./repository-name.ts";
import type { Reference, Tag } from "./tag.ts";

/** An upload session's id, as it stands in its URL. */
export type SessionId = string & { readonly __brand: "SessionId" };

export interface StoredBlob {
  readonly size: number;
  /** Not read yet: the server sends it, whole or a slice, without it passing through here. */
  readonly content: Blob;
}

export interface StoredManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly content: Uint8Array;
}

export interface ManifestPush {
  readonly digest: Digest;
  readonly content: Uint8Array;
  readonly manifest: Manifest;
  readonly tag: Tag | undefined;
}

export type AppendResult =
  | { readonly kind: "appended" | "out-of-order"; readonly size: number }
  | { readonly kind: "interrupted" | "busy" | "unknown" };

export type FinishResult =
  | { readonly kind: "stored" | "busy" | "unknown" }
  | { readonly kind: "mismatch"; readonly actual: Digest };

export interface TagPage {
  readonly tags: readonly Tag[];
  readonly more: boolean;
}

/** Blobs as one repository sees them. */
export interface BlobStorage {
  blob(repository: RepositoryName, digest: Digest): Promise<StoredBlob | undefined>;
  deleteBlob(repository: RepositoryName, digest: Digest): Promise<"deleted" | "unknown" | "in-use">;
  /** Makes a blob of `from` one of `repository` too; false if `from` does not have it. */
  mountBlob(repository: RepositoryName, digest: Digest, from: RepositoryName): Promise<boolean>;
}

/** Upload sessions, each of one repository. What is acknowledged is durable. */
export interface UploadStorage {
  startUpload(repository: RepositoryName): Promise<SessionId>;
  uploadSize(repository: RepositoryName, session: SessionId): Promise<number | undefined>;
  /** `offset` is where the client believes the upload to end, if it said so; `digest` what it will be, if known. */
  appendUpload(
    repository: RepositoryName,
    session: SessionId,
    chunk: {
      readonly body: AsyncIterable<Uint8Array>;
      readonly offset?: number | undefined;
      readonly digest?: Digest;
    },
  ): Promise<AppendResult>;
  finishUpload(repository: RepositoryName, session: SessionId, digest: Digest): Promise<FinishResult>;
  cancelUpload(repository: RepositoryName, session: SessionId): Promise<boolean>;
}

export interface ManifestStorage {
  manifest(repository: RepositoryName, reference: Reference): Promise<StoredManifest | undefined>;
  /** The digests that the manifest names and the repository lacks. */
  missingReferences(repository: RepositoryName, manifest: Manifest): Promise<readonly Digest[]>;
  putManifest(repository: RepositoryName, push: ManifestPush): Promise<void>;
  /** Removes a tag, or a manifest with every tag on it; false if there was none. */
  deleteManifest(repository: RepositoryName, reference: Reference): Promise<boolean>;
}

export interface TagStorage {
  /** Tags after `last` in lexical order; `undefined` if there is no such repository. */
  tags(
    repository: RepositoryName,
    page: { readonly last: string; readonly limit: number },
  ): Promise<TagPage | undefined>;
}

/** All that the engine needs of a place to keep things, already bound to who is acting. */
export interface RegistryStorage extends BlobStorage, UploadStorage, ManifestStorage, TagStorage {}
