import { LruCache } from "../../../../bounds/lru-cache.ts";
import { inTurns } from "../../../../jobs/in-turns.ts";
import type { GitObject } from "../../../git/object.ts";
import type { ObjectId } from "../../../git/object-id.ts";
import { decodeEntry, type EncodedEntry } from "../../../git/pack.ts";
import type { LogEntry } from "./log-entry.ts";

/** Ids that are forgotten in one step. */
const STEP_IDS = 2000;
/** Bytes of objects that are kept in memory. */
const CACHE_BYTES = 64 * 1024 * 1024;

/**
 * Finds the objects of entries that are not merged into packs yet. It remembers which entry has each of them; the bytes of
 * the newest entries are in memory, those of others are read again.
 */
export class UnmergedObjects {
  readonly #read: (number: number) => Promise<LogEntry | undefined>;
  /** The number of an entry that has the object. */
  readonly #numbers = new Map<ObjectId, number>();
  readonly #idsOf = new Map<number, readonly ObjectId[]>();
  readonly #bytes = new Map<number, number>();
  readonly #cache: LruCache<number, ReadonlyMap<ObjectId, EncodedEntry>>;

  /** `read` reads an entry; `undefined` if it is gone. */
  constructor(read: (number: number) => Promise<LogEntry | undefined>, cacheBytes = CACHE_BYTES) {
    this.#read = read;
    this.#cache = new LruCache(cacheBytes);
  }

  add(number: number, { objects }: LogEntry): void {
    if (objects.length === 0) return;
    for (const { id } of objects) this.#numbers.set(id, number);
    this.#idsOf.set(
      number,
      objects.map(({ id }) => id),
    );
    this.#bytes.set(
      number,
      objects.reduce((sum, { bytes }) => sum + bytes.length, 0),
    );
    this.#remember(number, objects);
  }

  get count(): number {
    return this.#numbers.size;
  }

  /** Bytes of all of them. */
  get bytes(): number {
    return this.#bytes.values().reduce((sum, bytes) => sum + bytes, 0);
  }

  ids(): readonly ObjectId[] {
    return [...this.#numbers.keys()];
  }

  has(id: ObjectId): boolean {
    return this.#numbers.has(id);
  }

  /** `undefined` also if its entry is gone, because it was merged meanwhile. */
  async get(id: ObjectId): Promise<GitObject | undefined> {
    const number = this.#numbers.get(id);
    if (number === undefined) return undefined;
    const found = (this.#cache.get(number) ?? (await this.#readAgain(number)))?.get(id);
    return found && decodeEntry(found);
  }

  /** Forgets the objects of entries up to a number, which are in packs: entry by entry, while others have the thread. */
  forget(last: number): void {
    const forgotten = [...this.#idsOf].filter(([number]) => number <= last);
    for (const [number] of forgotten) {
      this.#idsOf.delete(number);
      this.#cache.delete(number);
      this.#bytes.delete(number);
    }
    void inTurns(this.#forgetIds(forgotten));
  }

  *#forgetIds(entries: readonly (readonly [number, readonly ObjectId[]])[]): Generator<void, void> {
    for (const [number, ids] of entries) {
      for (const [i, id] of ids.entries()) {
        if (this.#numbers.get(id) === number) this.#numbers.delete(id);
        if (i % STEP_IDS === STEP_IDS - 1) yield;
      }
    }
  }

  async #readAgain(number: number): Promise<ReadonlyMap<ObjectId, EncodedEntry> | undefined> {
    const entry = await this.#read(number);
    return entry && this.#remember(number, entry.objects);
  }

  #remember(number: number, objects: readonly EncodedEntry[]): ReadonlyMap<ObjectId, EncodedEntry> {
    const byId = new Map(objects.map((object) => [object.id, object]));
    this.#cache.set(
      number,
      byId,
      objects.reduce((sum, { bytes }) => sum + bytes.length, 0),
    );
    return byId;
  }
}
