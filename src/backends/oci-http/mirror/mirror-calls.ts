import type { Digest } from "../../../primitives/digest.ts";
import type { Page, PageRequest } from "../../../registry/model/page.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Reference, Tag } from "../../../registry/model/tag.ts";
import type { InstanceName } from "../settings/instance-config.ts";
import type { Author } from "../store/store-changes.ts";

/** What a client of a mirror asks for, after the registry's own grants have allowed it. */
export interface MirrorRequest {
  readonly instance: InstanceName;
  readonly repository: RepositoryName;
  /** By whom what is fetched is committed. */
  readonly author: Author;
}

/** Why there is nothing to serve. Reasons are one line for the client. */
export type MirrorFailure =
  | { readonly kind: "unknown" }
  | { readonly kind: "limited"; readonly reason: string; readonly retryAfterSeconds: number }
  | { readonly kind: "unavailable"; readonly reason: string }
  /** Upstream sent something else than was asked for. */
  | { readonly kind: "unsound"; readonly reason: string }
  /** A quota or limit of this registry refuses to keep it. */
  | { readonly kind: "refused"; readonly reason: string };

/** The store has what is to be served. */
export type MirroredManifest =
  /** `freshMs`: for how long upstream need not be asked again. */
  | { readonly kind: "current"; readonly freshMs: number }
  /** Upstream can't be asked, or no longer has it; `warning` is for the client. */
  | { readonly kind: "stale"; readonly warning: string }
  | MirrorFailure;

/** A blob that is being fetched. */
export interface GrowingBlob {
  readonly kind: "growing";
  /** The file that its bytes are written to, on this machine; it has another name once it is whole. */
  readonly path: string;
  /** Of the whole blob, in bytes. */
  readonly size: number;
  /** Memory of its `FetchProgress`. */
  readonly progress: SharedArrayBuffer;
}

export type MirroredBlob =
  | { readonly kind: "stored" }
  | GrowingBlob
  /** Upstream has it, of so many bytes; it was not fetched. */
  | { readonly kind: "absent"; readonly size: number }
  | MirrorFailure;

/** `own`: upstream can't be asked, so what the store has counts. */
export type MirroredTags =
  | { readonly kind: "page"; readonly page: Page<Tag> }
  | { readonly kind: "own" }
  | MirrorFailure;

/** What serving threads ask of the thread that fetches from upstreams. Arguments and results are plain data. */
export interface MirrorCalls {
  /** Brings a tag up to date, or fetches the manifest of a digest that the store lacks. */
  manifest(request: MirrorRequest, reference: Reference): Promise<MirroredManifest>;
  /**
   * Fetches a blob that the repository lacks; resolves as soon as upstream has begun to send it. `isHead`: only its size is
   * needed.
   */
  blob(request: MirrorRequest, digest: Digest, isHead: boolean): Promise<MirroredBlob>;
  tags(request: MirrorRequest, page: PageRequest): Promise<MirroredTags>;
  /** Fetches the manifests that refer to this one, as far as the store lacks them. */
  referrers(request: MirrorRequest, subject: Digest): Promise<void>;
  /** So many requests were served without upstream. */
  noteHits(instance: InstanceName, count: number): void;
}
