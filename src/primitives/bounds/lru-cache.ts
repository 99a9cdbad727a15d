interface Entry<V> {
  readonly value: V;
  readonly size: number;
}

/**
 * A cache that evicts approximately the least recently used entries once the sizes of its values exceed `capacity`. It has
 * two generations: used entries move to the young one, and when that is full, the old one is dropped. So a look-up in the
 * young generation changes nothing and costs as much as one in a plain map. Keys have no size: if clients choose them, use
 * `ByteCache`.
 */
export class LruCache<K, V> {
  readonly #generationCapacity: number;
  #young = new Map<K, Entry<V>>();
  #old = new Map<K, Entry<V>>();
  #youngSize = 0;

  constructor(capacity: number) {
    this.#generationCapacity = capacity / 2;
  }

  get(key: K): V | undefined {
    const entry = this.#young.get(key);
    if (entry) return entry.value;
    const aged = this.#old.get(key);
    if (!aged) return undefined;
    this.#old.delete(key);
    this.#add(key, aged);
    return aged.value;
  }

  /** A value larger than half the capacity is not kept. */
  set(key: K, value: V, size = 1): void {
    this.delete(key);
    if (size <= this.#generationCapacity) this.#add(key, { value, size });
  }

  delete(key: K): void {
    this.#old.delete(key);
    const entry = this.#young.get(key);
    if (!entry) return;
    this.#young.delete(key);
    this.#youngSize -= entry.size;
  }

  #add(key: K, entry: Entry<V>): void {
    if (this.#youngSize + entry.size > this.#generationCapacity) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#youngSize = 0;
    }
    this.#young.set(key, entry);
    this.#youngSize += entry.size;
  }
}
