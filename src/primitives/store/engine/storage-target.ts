import type { Digest } from "../../digest.ts";
import type { NamedObject } from "../git/object.ts";
import type { ObjectId } from "../git/object-id.ts";
import type { DatedLink } from "./links.ts";
import type { SecretName } from "./secrets.ts";

/** Where the blobs of a store are copied to. */
export interface BlobTarget {
  /** The blobs that are there; see `BlobStore.list`. */
  list(): AsyncIterable<readonly Digest[]>;
  /** About how many bytes these have. */
  bytes(): Promise<number>;
  /** Keeps a blob; false, and nothing is kept, if the bytes have another digest. `flush` makes it durable. */
  put(digest: Digest, bytes: AsyncIterable<Uint8Array>): Promise<boolean>;
  flush(): Promise<void>;
}

/** What a store consists of beside its blobs. */
export interface StoreHistory {
  readonly head: ObjectId | undefined;
  readonly otherRefs: ReadonlyMap<string, ObjectId>;
  /** All Git objects, in groups of bounded size; no group has one twice. */
  readonly objects: AsyncIterable<readonly NamedObject[]>;
  readonly links: AsyncIterable<readonly DatedLink[]>;
}

/** A store that is being copied. What an earlier copy has brought is not brought again. */
export interface StoreTarget {
  /** `undefined` for a store that has never held blobs. */
  readonly blobs: BlobTarget | undefined;
  /** Makes the history that of the store, durably, in place of the one that an earlier copy has brought. */
  putHistory(history: StoreHistory): Promise<void>;
}

/** A storage to which stores are copied, and which nobody uses until the copy is finished. */
export interface StorageTarget {
  /** Makes a store if it does not exist. */
  store(name: string, hasContent: boolean): Promise<StoreTarget>;
  putSecret(name: SecretName, bytes: Uint8Array): Promise<void>;
  /** Rejects if another process has begun to copy to the same place. */
  checkOurs(): Promise<void>;
  /** From then on the storage may be used. */
  finish(): Promise<void>;
}
