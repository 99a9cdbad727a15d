import type { Release } from "../release.ts";

/** Bytes that one client holds of a `SharedBudget`, until `release`. */
export interface Reservation {
  /** Adds `bytes`; false if the budget has no room for them. */
  reserve(bytes: number): boolean;
  /** Resolves when the bytes were given to another owner, which can happen until `pin`. */
  readonly evicted: Promise<"evicted">;
  /** Protects the bytes from eviction. */
  pin(): void;
  readonly release: Release;
}

interface Entry {
  readonly owner: string;
  bytes: number;
  readonly evict: () => void;
}

/**
 * A memory budget in bytes, shared by clients of any speed. When it is full, the owner with the most bytes loses its
 * oldest reservation to an owner with fewer. So no client can lock out others by holding memory, however slowly it sends.
 */
export class SharedBudget {
  readonly #capacity: number;
  #used = 0;
  readonly #byOwner = new Map<string, number>();
  /** Entries that may be evicted, the oldest first. */
  readonly #evictable = new Set<Entry>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get used(): number {
    return this.#used;
  }

  /** Opens an empty reservation. */
  open(owner: string): Reservation {
    const { promise, resolve } = Promise.withResolvers<"evicted">();
    const entry: Entry = { owner, bytes: 0, evict: () => resolve("evicted") };
    this.#evictable.add(entry);
    return {
      evicted: promise,
      reserve: (bytes) => this.#reserve(entry, bytes),
      pin: () => void this.#evictable.delete(entry),
      release: () => {
        this.#evictable.delete(entry);
        this.#change(entry, -entry.bytes);
      },
    };
  }

  /** More than the whole capacity is admitted only while nothing else is reserved. */
  #reserve(entry: Entry, bytes: number): boolean {
    while (this.#used > 0 && this.#used + bytes > this.#capacity)
      if (!this.#evictAbove((this.#byOwner.get(entry.owner) ?? 0) + bytes)) return false;
    this.#change(entry, bytes);
    return true;
  }

  /** Evicts the oldest entry of the owner with the most bytes; false if no owner has more than `bytes`. */
  #evictAbove(bytes: number): boolean {
    let most: Entry | undefined;
    for (const entry of this.#evictable)
      if (entry.bytes > 0 && this.#ownerBytes(entry) > Math.max(bytes, most ? this.#ownerBytes(most) : 0))
        most = entry;
    if (!most) return false;
    this.#evictable.delete(most);
    this.#change(most, -most.bytes);
    most.evict();
    return true;
  }

  #ownerBytes({ owner }: Entry): number {
    return this.#byOwner.get(owner) ?? 0;
  }

  #change(entry: Entry, bytes: number): void {
    entry.bytes += bytes;
    this.#used += bytes;
    const left = (this.#byOwner.get(entry.owner) ?? 0) + bytes;
    if (left > 0) this.#byOwner.set(entry.owner, left);
    else this.#byOwner.delete(entry.owner);
  }
}
