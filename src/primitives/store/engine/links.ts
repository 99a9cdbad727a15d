import type { Digest } from "../../digest.ts";

/** A blob belongs to a scope (a repository). */
export interface Link {
  readonly scope: string;
  readonly digest: Digest;
}

export interface DatedLink extends Link {
  /** When it was made, in seconds since the epoch. */
  readonly linkedAt: number;
}

/** What requests ask of links. */
export interface LinkReader {
  has(scope: string, digest: Digest): Promise<boolean>;
  /** Whether any blob is linked to the scope. */
  hasAny(scope: string): Promise<boolean>;
  /** Up to `limit` scopes that are linked to the blob. */
  scopesOf(digest: Digest, limit: number): Promise<string[]>;
}

/** Links that are opened to read them, while another thread or node changes them. */
export interface OpenLinkReader extends LinkReader {
  close(): void;
}

/** For what has no links, such as a past state. */
export const NO_LINKS: OpenLinkReader = {
  has: async () => false,
  hasAny: async () => false,
  scopesOf: async () => [],
  close: () => undefined,
};

/**
 * Which blobs were uploaded or mounted to which scope. Unlike an index this can't be derived from the commits. Times are
 * seconds since the epoch.
 */
export interface LinkStore extends LinkReader {
  /** The time by the clock that dates links. */
  time(): Date;
  /** Links from now; a link that exists is as young again. Resolves when it would survive a power cut. */
  add(scope: string, digest: Digest): Promise<void>;
  /** False if there was no such link. */
  remove(scope: string, digest: Digest): Promise<boolean>;
  /** Every blob that is linked to the scope. */
  blobsOf(scope: string): Promise<Digest[]>;
  /** Up to `limit` links made before `seconds`, after `last` in their order, which is by scope and digest. */
  olderThan(seconds: number, last: Link | undefined, limit: number): Promise<DatedLink[]>;
  /** Whether any scope was linked to the blob since `seconds`. */
  isLinkedSince(digest: Digest, seconds: number): Promise<boolean>;
  /** Those of the blobs that any scope was linked to since `seconds`. */
  linkedSince(digests: readonly Digest[], seconds: number): Promise<Set<Digest>>;
  /**
   * Removes a link unless, once no reader sees it any more, it is needed after all, or was made again meanwhile. A crash may
   * bring it back, or remove it without asking `isUnneeded`.
   */
  drop(scope: string, digest: Digest, isUnneeded: () => boolean | Promise<boolean>): Promise<void>;
}

/** What happens to the links of a scope. */
export type LinkChange = "change" | "removal";

export interface LinkOptions {
  /** Called with each scope whose links change, before the change is acknowledged. */
  readonly changed: (scope: string, change: LinkChange) => void;
  /** Links that exist whatever else is lost. They are read when damaged links are replaced. */
  readonly needed: () => Iterable<Link>;
}

/** Damage that a reader met, in these links or elsewhere. */
export interface LinkDamage {
  readonly reason: string;
  /** The file that is damaged, where that is known; it may hold something else than links. */
  readonly path?: string;
}

/** The links of a store as its owner has them open. */
export interface OwnedLinks extends LinkStore {
  /**
   * If the damage is in these links, replaces them by those that can still be read and those that are needed. No link that
   * is made meanwhile is lost; readers have to open the links again. Resolves to false if the damage is elsewhere. Throws
   * if they can't be read for another reason, or were replaced before.
   */
  repair(damage: LinkDamage): Promise<boolean>;
  close(): Promise<void>;
}
