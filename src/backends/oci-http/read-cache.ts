import { LruCache } from "../../primitives/lru-cache.ts";
import type { ScopeClock } from "../../primitives/store/scope-clock.ts";

/** What is kept in memory of one store: manifests, small blobs and pages of tags, with the look-ups that led there. */
const CAPACITY_BYTES = 32 * 1024 * 1024;
/** Bytes of an entry besides its content, roughly. */
const ENTRY_OVERHEAD = 500;

interface Entry {
  readonly slot: number;
  readonly time: number;
  readonly value: unknown;
}

/** Answers of one store by repository, each good until that repository changes. */
export class ReadCache {
  readonly #clock: ScopeClock;
  readonly #entries = new LruCache<string, Entry>(CAPACITY_BYTES);

  constructor(clock: ScopeClock) {
    this.#clock = clock;
  }

  /** `read` answers the value with the bytes that it keeps in memory; `undefined` is not remembered. */
  get<T>(
    kind: "manifest" | "blob" | "tags",
    repository: string,
    key: string,
    read: () => { readonly value: T; readonly bytes: number } | undefined,
  ): T | undefined {
    const name = `${kind} ${repository} ${key}`;
    const known = this.#entries.get(name);
    if (known && this.#clock.read(known.slot) === known.time) return known.value as T;
    const slot = this.#clock.slotOf(repository);
    const time = this.#clock.read(slot);
    const found = read();
    if (found) this.#entries.set(name, { slot, time, value: found.value }, found.bytes + ENTRY_OVERHEAD);
    else this.#entries.delete(name);
    return found?.value;
  }
}
