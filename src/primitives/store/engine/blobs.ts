import type { Digest } from "../../digest.ts";
import type { Step } from "../../fs/files.ts";

export interface BlobStat {
  /** Bytes. */
  readonly size: number;
  /** Whether the bytes were hashed when they came, and were not written to since as far as the engine can tell. */
  readonly isSealed: boolean;
  /** When it came. */
  readonly placed: Date;
}

/** Bytes of a blob, both ends included, counted from 0. */
export interface BlobRange {
  readonly first: number;
  readonly last: number;
}

export interface OpenBlob extends BlobStat {
  /** Where the blob is a file of this machine: that file, which the kernel can send, whole or a slice. */
  readonly file?: Blob;
  /** Whether the storage guards the bytes against damage itself: then only scrubs hash them, not those who serve them. */
  readonly isGuarded?: boolean;
  /** Where clients may be sent to fetch the blob, or ranges of it, from the storage: an address that is valid for minutes. */
  readonly redirect?: () => Promise<string>;
  /** All bytes, or those of a range that lies within the blob. */
  stream(range?: BlobRange): ReadableStream<Uint8Array<ArrayBuffer>>;
  /** The same for the body of a response, and for nothing else; only where that costs less. */
  body?(range?: BlobRange): ReadableStream<Uint8Array<ArrayBuffer>>;
}

export type BlobVerdict = "sound" | "damaged" | "missing";

/** How much all blobs of a store take, and how long ago that was counted. */
export interface BlobTotal {
  readonly blobs: number;
  readonly bytes: number;
  /** Of these, by the day (UTC, `2026-01-31`) they were added. */
  readonly addedBytes: ReadonlyMap<string, number>;
  readonly ageMs: number;
}

/** Raw bytes by digest, each once, immutable. They come by way of an upload; see `UploadStore.finish`. */
export interface BlobStore {
  /** `undefined` if it is absent. */
  stat(digest: Digest): Promise<BlobStat | undefined>;
  /** `undefined` if it is absent. */
  open(digest: Digest): Promise<OpenBlob | undefined>;
  /** The bytes of a small blob; `undefined` if it is absent or damaged, and then it is set aside. */
  read(digest: Digest): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Hashes a blob again; `step` is called between parts of it, and may wait or throw. */
  check(digest: Digest, step?: Step): Promise<BlobVerdict>;
  /** What is damaged of a blob, in words; only where that may be something else than its bytes. */
  explain?(digest: Digest): Promise<string | undefined>;
  /** Like `check`; a damaged blob is set aside, so that it is missing and a new push heals it. */
  verify(digest: Digest, step?: Step): Promise<BlobVerdict>;
  /**
   * Removes a blob that nobody needs. `isUnneeded` is asked when it is out of sight already: whoever looked for it before
   * has left a trace by then, and whoever looks later finds that it is gone. Resolves to false if it is needed after all.
   */
  remove(digest: Digest, isUnneeded: () => boolean | Promise<boolean>): Promise<boolean>;
  /**
   * Leaves a durable trace that this node relies on the blob, to be left before it is looked for; only where several nodes use
   * a storage. Resolves at once if it was left lately.
   */
  touch?(digest: Digest): Promise<void>;
  /**
   * Only where several nodes use a storage: for how long a collector keeps a blob that was pushed or linked, in seconds,
   * whatever it is told; nodes rely on that.
   */
  readonly minGraceSeconds?: number;
  /**
   * Whether any node has left a trace within so many seconds, or within some minutes at least, for which a node relies on an
   * older trace.
   */
  wasTouchedWithin?(seconds: number, digest: Digest): Promise<boolean>;
  /**
   * How much all blobs take, where a look at each would cost too much; `undefined` if that is not known for now. `step` is called
   * in between, and throws if nobody waits any more.
   */
  total?(step: () => void): Promise<BlobTotal | undefined>;
  /**
   * Every blob that is present, in pages by algorithm and then by the first two hex digits: a page is read when it is asked
   * for, and no page holds blobs of before the one before it.
   */
  list(): AsyncIterable<readonly Digest[]>;
}
