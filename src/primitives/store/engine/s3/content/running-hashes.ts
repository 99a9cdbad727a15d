import { LruCache } from "../../../../bounds/lru-cache.ts";
import type { UploadId } from "../../upload-id.ts";
import { sizeOf } from "./session-state.ts";
import type { SessionVersion } from "./upload-sessions.ts";

/** Running hash states kept at the most; a session without one is hashed again from the store when it ends. */
const MAX_HASHERS = 1024;

interface RunningHash {
  /** Of the session's version that was hashed. */
  readonly etag: string;
  readonly hasher: Bun.CryptoHasher;
}

/** The hash states of sessions between their requests. */
export class RunningHashes {
  readonly #hashes = new LruCache<UploadId, RunningHash>(MAX_HASHERS);

  /** The running hash of what the session holds, if it is known; it is given away. */
  take({ id, etag, state }: SessionVersion): Bun.CryptoHasher | undefined {
    const known = this.#hashes.get(id);
    this.#hashes.delete(id);
    if (sizeOf(state) === 0) return new Bun.CryptoHasher(state.algorithm);
    return known?.etag === etag ? known.hasher : undefined;
  }

  keep({ id, etag }: SessionVersion, hasher: Bun.CryptoHasher): void {
    this.#hashes.set(id, { etag, hasher });
  }

  forget(id: UploadId): void {
    this.#hashes.delete(id);
  }
}
