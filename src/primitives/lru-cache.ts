/** Share of the capacity that is left after making room: forgetting in bulk spares walking the map for every addition. */
const KEPT_SHARE = 0.9;

/** A map that forgets what was not used for longest once the sizes of its values exceed `capacity`. */
export class LruCache<K, V> {
  readonly #entries = new Map<K, { value: V; size: number }>();
  readonly #capacity: number;
  #size = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get(key: K): V | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  set(key: K, value: V, size = 1): void {
    this.delete(key);
    if (size > this.#capacity) return;
    this.#entries.set(key, { value, size });
    this.#size += size;
    if (this.#size <= this.#capacity) return;
    for (const oldest of this.#entries.keys()) {
      if (this.#size <= Math.max(this.#capacity * KEPT_SHARE, size)) break;
      this.delete(oldest);
    }
  }

  delete(key: K): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    this.#entries.delete(key);
    this.#size -= entry.size;
  }

  clear(): void {
    this.#entries.clear();
    this.#size = 0;
  }
}
