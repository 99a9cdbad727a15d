import type { Digest } from "../../digest.ts";

/** A blob belongs to a scope (a repository). */
export interface Link {
  readonly scope: string;
  readonly digest: Digest;
}

/** What requests ask of links. */
export interface LinkReader {
  has(scope: string, digest: Digest): Promise<boolean>;
  /** Up to `limit` scopes that are linked to the blob. */
  scopesOf(digest: Digest, limit: number): Promise<string[]>;
}

/**
 * Which blobs were uploaded or mounted to which scope. Unlike an index this can't be derived from the commits. Times are
 * seconds since the epoch.
 */
export interface LinkStore extends LinkReader {
  /** Links from now; a link that exists is as young again. Resolves when it would survive a power cut. */
  add(scope: string, digest: Digest): Promise<void>;
  /** False if there was no such link. */
  remove(scope: string, digest: Digest): Promise<boolean>;
  /** Every blob that is linked to the scope. */
  blobsOf(scope: string): Promise<Digest[]>;
  /** Up to `limit` links made before `seconds`, after `last` in their order, which is by scope and digest. */
  olderThan(seconds: number, last: Link | undefined, limit: number): Promise<Link[]>;
  /** Whether any scope was linked to the blob since `seconds`. */
  isLinkedSince(digest: Digest, seconds: number): Promise<boolean>;
  /** Those of the blobs that any scope was linked to since `seconds`. */
  linkedSince(digests: readonly Digest[], seconds: number): Promise<Set<Digest>>;
  /** Removes a link unless, once no reader sees it any more, it is needed after all. A crash may bring it back. */
  drop(scope: string, digest: Digest, isUnneeded: () => boolean): Promise<void>;
}
