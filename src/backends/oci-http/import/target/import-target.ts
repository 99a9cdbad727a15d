import type { Digest } from "../../../../primitives/digest.ts";
import type { RepositoryName } from "../../../../registry/model/repository-name.ts";
import type { Tag } from "../../../../registry/model/tag.ts";

/** The tags of a repository as an import finds them. */
export interface TargetRepository {
  readonly tags: readonly (readonly [tag: Tag, digest: Digest])[];
  /** Tags that were deleted here and not set since, with the time, in seconds since the epoch. */
  readonly deleted: readonly (readonly [tag: Tag, seconds: number])[];
}

/** How a tag came to name what it names. */
export interface TargetSet {
  /** In seconds since the epoch; of an import, when it was pushed elsewhere. */
  readonly seconds: number;
  readonly isImported: boolean;
}

/** `former`: the repository had it, and it was deleted. */
export interface TargetManifests {
  readonly held: readonly Digest[];
  readonly former: readonly Digest[];
}

export type BlobState =
  | { readonly kind: "held" }
  | {
      readonly kind: "lacking";
      /** Bytes that arrived in an earlier run, after which to go on. */
      readonly received: number;
      /** Another import is writing it, so that `putBlob` would be refused. */
      readonly isBusy: boolean;
    };

export interface BlobImport {
  readonly repository: RepositoryName;
  readonly digest: Digest;
  /** As its manifest states it, in bytes. */
  readonly size: number;
  /** Where the body begins. */
  readonly from: number;
}

export type BlobOutcome =
  | { readonly kind: "stored" }
  /** All bytes arrived, and they are another blob; none are kept. */
  | { readonly kind: "mismatch" }
  /** The body ended early, or did not begin where what arrived before ends. */
  | { readonly kind: "incomplete"; readonly received: number }
  /** Another process is still writing the same blob. */
  | { readonly kind: "busy" }
  | { readonly kind: "refused"; readonly reason: string };

export interface ManifestImport {
  readonly repository: RepositoryName;
  readonly digest: Digest;
  readonly content: Uint8Array;
  /** The tag to set, and what it must name before. */
  readonly tag: { readonly name: Tag; readonly expected: Digest | undefined } | undefined;
  /** In seconds since the epoch. */
  readonly made: number | undefined;
}

export type ManifestOutcome =
  | { readonly kind: "stored" }
  | { readonly kind: "refused"; readonly reason: string };

/**
 * The registry that gets the images of an import. All arguments and results but the body of a blob are plain data. Methods
 * reject if the registry is gone; what they store is durable when they resolve.
 */
export interface ImportTarget {
  repository(name: RepositoryName): Promise<TargetRepository>;
  /** `undefined` if the history does not know. */
  lastSet(repository: RepositoryName, tag: Tag): Promise<TargetSet | undefined>;
  manifests(repository: RepositoryName, digests: readonly Digest[]): Promise<TargetManifests>;
  /** Looks for a blob; one that another repository has is given to this one too. */
  findBlob(repository: RepositoryName, digest: Digest): Promise<BlobState>;
  putBlob(blob: BlobImport, body: AsyncIterable<Uint8Array>): Promise<BlobOutcome>;
  putManifest(manifest: ManifestImport): Promise<ManifestOutcome>;
}
