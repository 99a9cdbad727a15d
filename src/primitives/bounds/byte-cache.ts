import { LruCache } from "./lru-cache.ts";

/** Estimated bytes of an entry besides its key and value. */
const ENTRY_OVERHEAD = 200;
/** An upper bound. */
const BYTES_PER_CHARACTER = 2;

/** A cache for keys that clients choose. Keys and values together use at most about `capacity` bytes. */
export class ByteCache<V> {
  readonly #entries: LruCache<string, V>;

  constructor(capacity: number) {
    this.#entries = new LruCache(capacity);
  }

  get(key: string): V | undefined {
    return this.#entries.get(key);
  }

  /** `bytes` is the memory of the value. A key that is a slice of a longer string must be `detached`. */
  set(key: string, value: V, bytes = 0): void {
    this.#entries.set(key, value, ENTRY_OVERHEAD + key.length * BYTES_PER_CHARACTER + bytes);
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }
}

/** A copy of the text. A slice would keep the whole original string in memory. */
export function detached(text: string): string {
  return Buffer.from(text, "utf16le").toString("utf16le");
}
