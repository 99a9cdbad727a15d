interface Entry<V> {
  readonly value: V;
  readonly size: number;
}

/**
 * A map that forgets what was not used for long once the sizes of its values exceed `capacity`. It keeps two
 * generations: what is used moves to the younger one, and when that is full the older one is dropped as a whole. So a
 * look-up of something in use changes nothing and costs as much as one of a plain map. Keys are not weighed: where
 * clients choose them, use `ByteCache`.
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
