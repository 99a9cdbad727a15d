import type { Digest } from "../../primitives/digest.ts";
import type { PushedManifest } from "../model/manifest.ts";
import type { RepositoryName } from "../model/repository-name.ts";
import type { Referrer } from "../model/storage.ts";
import type { Reference, Tag } from "../model/tag.ts";
import type { UpstreamAnswer } from "./upstream-answer.ts";

export interface UpstreamManifestHead {
  readonly digest: Digest;
  readonly mediaType: string;
  /** In bytes, as upstream states it. */
  readonly size: number | undefined;
  /** By upstream's `Last-Modified`. */
  readonly lastModified: Date | undefined;
}

/** What it names is of upstream's repository. */
export interface UpstreamManifest extends PushedManifest {
  /** Computed of `content`; it equals the digest that was asked for. */
  readonly digest: Digest;
  readonly mediaType: string;
  readonly content: Uint8Array<ArrayBuffer>;
  readonly lastModified: Date | undefined;
}

/** The bytes of a body as they arrive, to be read once; throws `UpstreamBodyError`. To stop early ends the request. */
export type UpstreamBody = AsyncIterable<Uint8Array>;

export interface UpstreamBlob {
  /**
   * From the offset that was asked for to the end of the blob. Throws `UpstreamBodyError` unless exactly the bytes up to
   * `size` arrive. The digest is the caller's to check (see `download`).
   */
  readonly body: UpstreamBody;
  /** Of the whole blob, in bytes; `undefined` if neither upstream nor the caller says. */
  readonly size: number | undefined;
  readonly lastModified: Date | undefined;
}

export interface BlobRequest {
  /** Offset of the first byte. */
  readonly from?: number;
  /** Of the whole blob in bytes, as its manifest states it: another one is a failure. */
  readonly size?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Where in a list to go on: opaque, as upstream's `Link` header says it. */
export type ListCursor = string & { readonly __brand: "ListCursor" };

export interface ListRequest {
  /** Entries that a page should have; upstream may send fewer or more. */
  readonly limit: number;
  /** Where to begin: after this entry, or where the last page said. */
  readonly after?: { readonly last: string } | { readonly cursor: ListCursor } | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface UpstreamPage<T> {
  /** In upstream's order. Entries that are no valid names are left out. */
  readonly entries: readonly T[];
  /** `undefined` at the end of the list. */
  readonly next: ListCursor | undefined;
}

/**
 * Asks one upstream registry (distribution-spec). Expected failures are values; a method rejects only if `signal` is
 * aborted, with its reason. Aborting ends the request. Each method may be called any number of times at once.
 */
export interface RegistryClient {
  /** Upstream's base URL for messages, without credentials. */
  readonly url: string;

  /** By HEAD; by GET where upstream's response to HEAD has no digest. */
  headManifest(
    repository: RepositoryName,
    reference: Reference,
    signal?: AbortSignal,
  ): Promise<UpstreamAnswer<UpstreamManifestHead>>;

  /** The bytes are what could be pushed as `mediaType`, and have the digest that was asked for. */
  getManifest(
    repository: RepositoryName,
    reference: Reference,
    signal?: AbortSignal,
  ): Promise<UpstreamAnswer<UpstreamManifest>>;

  /** Whether upstream has the blob, and its size, by HEAD. */
  headBlob(
    repository: RepositoryName,
    digest: Digest,
    signal?: AbortSignal,
  ): Promise<UpstreamAnswer<{ readonly size: number | undefined }>>;

  openBlob(
    repository: RepositoryName,
    digest: Digest,
    request?: BlobRequest,
  ): Promise<UpstreamAnswer<UpstreamBlob>>;

  tags(repository: RepositoryName, request: ListRequest): Promise<UpstreamAnswer<UpstreamPage<Tag>>>;

  /** The catalog, of those registries that have one. */
  repositories(request: ListRequest): Promise<UpstreamAnswer<UpstreamPage<RepositoryName>>>;

  /**
   * All manifests with this subject, up to a bound, by the API or else by the tag `sha256-<hex>`. Of upstreams that know
   * neither, the list is empty.
   */
  referrers(
    repository: RepositoryName,
    digest: Digest,
    artifactType?: string,
    signal?: AbortSignal,
  ): Promise<UpstreamAnswer<{ readonly referrers: readonly Referrer[] }>>;

  /** Lets go of idle connections and tokens. */
  close(): void;
}
