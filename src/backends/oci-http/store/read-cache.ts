import { ByteCache } from "../../../primitives/bounds/byte-cache.ts";
import type { ScopeClock, ScopeEvent } from "../../../primitives/store/index/scope-clock.ts";

/** What is kept in memory of one store: manifests, small blobs and pages of tags, with the look-ups that led there. */
const CAPACITY_BYTES = 32 * 1024 * 1024;
/** Bytes of an entry besides its key and content, roughly. */
const ENTRY_OVERHEAD = 300;

/** What ends the truth of each kind of answer: what a digest stands for is the same until it is removed. */
const GOOD_UNTIL = {
  tag: "change",
  tags: "change",
  manifest: "removal",
  blob: "removal",
  link: "removal",
} as const satisfies Record<string, ScopeEvent>;

interface Entry {
  /** Of the clock. */
  readonly slot: number;
  readonly time: number;
  readonly value: unknown;
}

/** Answers of one store by repository, each good until the repository changes in a way that could change it. */
export class ReadCache {
  readonly #clock: ScopeClock;
  readonly #entries = new ByteCache<Entry>(CAPACITY_BYTES);

  constructor(clock: ScopeClock) {
    this.#clock = clock;
  }

  /** Whether `get` knows it without a read. */
  has(kind: keyof typeof GOOD_UNTIL, repository: string, key: string): boolean {
    return this.#known(`${kind} ${repository} ${key}`) !== undefined;
  }

  /** `read` answers the value with the bytes that it keeps in memory; `undefined` is not remembered. */
  get<T>(
    kind: keyof typeof GOOD_UNTIL,
    repository: string,
    key: string,
    read: () => { readonly value: T; readonly bytes: number } | undefined,
  ): T | undefined {
    const name = `${kind} ${repository} ${key}`;
    const known = this.#known(name);
    if (known) return known.value as T;
    const slot = this.#clock.slotOf(repository, GOOD_UNTIL[kind]);
    const time = this.#clock.read(slot);
    const found = read();
    if (found) this.#entries.set(name, { slot, time, value: found.value }, found.bytes + ENTRY_OVERHEAD);
    else this.#entries.delete(name);
    return found?.value;
  }

  /** Like `get`, for a value that has to be waited for; at once if it is known. */
  load<T>(
    kind: keyof typeof GOOD_UNTIL,
    repository: string,
    key: string,
    read: () => Promise<{ readonly value: T; readonly bytes: number } | undefined>,
  ): T | Promise<T | undefined> {
    const name = `${kind} ${repository} ${key}`;
    const known = this.#known(name);
    if (known) return known.value as T;
    const slot = this.#clock.slotOf(repository, GOOD_UNTIL[kind]);
    // What changes from here on makes the value one of the past.
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
