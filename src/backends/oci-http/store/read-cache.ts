import { ByteCache } from "../../../primitives/bounds/byte-cache.ts";
import type { ScopeClock, ScopeEvent } from "../../../primitives/store/index/scope-clock.ts";

/** Size of the cache of one store: manifests, small blobs, pages of tags, and their look-ups. */
const CAPACITY_BYTES = 32 * 1024 * 1024;
/** Approximate bytes of an entry besides its key and content. */
const ENTRY_OVERHEAD = 300;

/** The event that invalidates each kind of entry: content under a digest stays the same until it is removed. */
const INVALIDATED_BY = {
  tag: "change",
  tags: "change",
  manifest: "removal",
  blob: "removal",
  link: "removal",
} as const satisfies Record<string, ScopeEvent>;

interface Entry {
  /** Slot of the clock. */
  readonly slot: number;
  readonly time: number;
  readonly value: unknown;
}

/** Results of reads of one store by repository, each valid until a change of the repository could change it. */
export class ReadCache {
  readonly #clock: ScopeClock;
  readonly #entries = new ByteCache<Entry>(CAPACITY_BYTES);

  constructor(clock: ScopeClock) {
    this.#clock = clock;
  }

  /** Whether `get` would return without a read. */
  has(kind: keyof typeof INVALIDATED_BY, repository: string, key: string): boolean {
    return this.#known(`${kind} ${repository} ${key}`) !== undefined;
  }

  /** `read` returns the value and its size in memory (bytes); `undefined` is not cached. */
  get<T>(
    kind: keyof typeof INVALIDATED_BY,
    repository: string,
    key: string,
    read: () => { readonly value: T; readonly bytes: number } | undefined,
  ): T | undefined {
    const name = `${kind} ${repository} ${key}`;
    const known = this.#known(name);
    if (known) return known.value as T;
    const slot = this.#clock.slotOf(repository, INVALIDATED_BY[kind]);
    const time = this.#clock.read(slot);
    const found = read();
    if (found) this.#entries.set(name, { slot, time, value: found.value }, found.bytes + ENTRY_OVERHEAD);
    else this.#entries.delete(name);
    return found?.value;
  }

  /** Like `get`, for an asynchronous read; a cached value is returned without a promise. */
  load<T>(
    kind: keyof typeof INVALIDATED_BY,
    repository: string,
    key: string,
    read: () => Promise<{ readonly value: T; readonly bytes: number } | undefined>,
  ): T | Promise<T | undefined> {
    const name = `${kind} ${repository} ${key}`;
    const known = this.#known(name);
    if (known) return known.value as T;
    const slot = this.#clock.slotOf(repository, INVALIDATED_BY[kind]);
    // Read before the value, so that a change during the read invalidates it.
    const time = this.#clock.read(slot);
    return read().then((found) => {
      if (found) this.#entries.set(name, { slot, time, value: found.value }, found.bytes + ENTRY_OVERHEAD);
      else this.#entries.delete(name);
      return found?.value;
    });
  }

  #known(name: string): Entry | undefined {
    const known = this.#entries.get(name);
    return known && this.#clock.read(known.slot) === known.time ? known : undefined;
  }
}
