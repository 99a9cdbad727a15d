import { LruCache } from "./lru-cache.ts";

/** Bytes that an entry takes besides its key and value, roughly. */
const ENTRY_OVERHEAD = 200;
/** Of a string's character, at the most. */
const BYTES_PER_CHARACTER = 2;

/** A cache by strings that clients may choose: what it keeps, keys included, is at most `capacity` bytes, roughly. */
export class ByteCache<V> {
  readonly #entries: LruCache<string, V>;

  constructor(capacity: number) {
    this.#entries = new LruCache(capacity);
  }

  get(key: string): V | undefined {
    return this.#entries.get(key);
  }

  /** `bytes` is the memory that the value takes. A key that is part of a longer string must be `detached`. */
  set(key: string, value: V, bytes = 0): void {
    this.#entries.set(key, value, ENTRY_OVERHEAD + key.length * BYTES_PER_CHARACTER + bytes);
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }
}

/** The same text in memory of its own: the runtime keeps a string alive as long as a part of it is known. */
export function detached(text: string): string {
  return Buffer.from(text, "utf16le").toString("utf16le");
}
