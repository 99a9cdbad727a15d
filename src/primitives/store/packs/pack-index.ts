import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { atOnce, sha256Steps } from "../../jobs/in-turns.ts";
import { CorruptObjectError } from "../git/object.ts";
import { OBJECT_ID_BYTES, type ObjectId, objectIdFromBytes } from "../git/object-id.ts";
import type { PackedEntry } from "../git/pack.ts";

export const PACK_INDEX_MAGIC = 0xff744f63;
export const PACK_INDEX_VERSION = 2;
export const FANOUT_AT = 8;
export const FANOUT_SIZE = 256;
export const IDS_AT = FANOUT_AT + FANOUT_SIZE * 4;
/** Packs of no more objects have a table of them in memory. */
const MAX_TABLE = 16_384;
/** Ids that are read at once in search of one. */
const WINDOW = 64;
/** Ids in a page, and objects of a pack whose ids are sorted by where these lie. */
const PAGE = 4096;
const MAX_SORTED = 262_144;
/** Of the SHA-256 at the end. */
const SUM_BYTES = 32;
/** Offsets from here on do not fit 31 bits and go to a table of 64-bit ones. */
const LARGE_OFFSET = 0x80000000;

/** A version 2 pack index with 32-byte object ids (gitformat-pack, "Version 2 pack-*.idx files"). */
export function encodePackIndex(entries: readonly PackedEntry[], packChecksum: Uint8Array): Uint8Array {
  return atOnce(packIndexSteps(entries, packChecksum));
}

/** Entries in one step. */
const STEP_ENTRIES = 4000;

/** Makes a pack index in short steps, between which others can have the thread. */
export function* packIndexSteps(
  entries: readonly PackedEntry[],
  packChecksum: Uint8Array,
): Generator<void, Uint8Array> {
  const byFirstByte = Array.from({ length: FANOUT_SIZE }, (): PackedEntry[] => []);
  for (const [i, entry] of entries.entries()) {
    byFirstByte[Number.parseInt(entry.id.slice(0, 2), 16)]?.push(entry);
    if (i % STEP_ENTRIES === 0) yield;
  }
  const count = entries.length;
  const largeCount = entries.filter(({ offset }) => offset >= LARGE_OFFSET).length;
  const crcAt = IDS_AT + count * OBJECT_ID_BYTES;
  const offsetAt = crcAt + count * 4;
  const largeAt = offsetAt + count * 4;
  const body = Buffer.alloc(largeAt + largeCount * 8 + packChecksum.length + SUM_BYTES);
  body.writeUInt32BE(PACK_INDEX_MAGIC, 0);
  body.writeUInt32BE(PACK_INDEX_VERSION, 4);

  let [position, nextLarge] = [0, 0];
  for (const [first, some] of byFirstByte.entries()) {
    for (const entry of some.sort((a, b) => (a.id < b.id ? -1 : 1))) {
      body.write(entry.id, IDS_AT + position * OBJECT_ID_BYTES, "hex");
      body.writeUInt32BE(entry.crc, crcAt + position * 4);
      if (entry.offset < LARGE_OFFSET) {
        body.writeUInt32BE(entry.offset, offsetAt + position * 4);
      } else {
        body.writeUInt32BE(LARGE_OFFSET + nextLarge, offsetAt + position * 4);
        body.writeBigUInt64BE(BigInt(entry.offset), largeAt + nextLarge * 8);
        nextLarge++;
      }
      position++;
    }
    body.writeUInt32BE(position, FANOUT_AT + first * 4);
    yield;
  }
  body.set(packChecksum, largeAt + largeCount * 8);
  const indexed = body.subarray(0, -SUM_BYTES);
  body.set(yield* sha256Steps(indexed), indexed.length);
  return body;
}

/** In the order of the ids. */
interface Table {
  /** The four bytes after the first of each id. */
  readonly beginnings: Uint32Array;
  /** As they are stored. */
  readonly offsets: Uint32Array;
}

/**
 * An index on disk, open for looking up. Its fan-out table is kept in memory and, of the many small packs that a lookup
 * goes through, the beginnings of the ids and the offsets as well.
 */
export class PackIndex {
  readonly count: number;
  /** Once they were needed. */
  #table: Table | undefined;
  readonly #path: string;
  readonly #fd: number;
  readonly #fanout: Buffer;

  constructor(path: string) {
    this.#path = path;
    this.#fd = openSync(path, "r");
    try {
      this.#fanout = this.#read(FANOUT_AT, IDS_AT - FANOUT_AT);
      const header = this.#read(0, FANOUT_AT);
      if (header.readUInt32BE(0) !== PACK_INDEX_MAGIC || header.readUInt32BE(4) !== PACK_INDEX_VERSION) {
        throw new CorruptObjectError(path, "it is not a version 2 pack index");
      }
      this.count = this.#fanout.readUInt32BE((FANOUT_SIZE - 1) * 4);
      if (fstatSync(this.#fd).size < IDS_AT + this.count * (OBJECT_ID_BYTES + 8)) {
        throw new CorruptObjectError(path, "it is cut off");
      }
    } catch (error) {
      closeSync(this.#fd);
      throw error;
    }
  }

  close(): void {
    closeSync(this.#fd);
  }

  /** `wanted` is an id in its bytes: an object is sought in many packs. */
  offsetOf(wanted: Buffer): number | undefined {
    const first = wanted[0] ?? 0;
    const low = first === 0 ? 0 : this.#fanout.readUInt32BE((first - 1) * 4);
    const high = this.#fanout.readUInt32BE(first * 4);
    if (this.count <= MAX_TABLE) {
      this.#table ??= this.#readTable();
      const position = this.#seekInMemory(wanted, low, high, this.#table.beginnings);
      return position === undefined ? undefined : this.#offset(this.#table.offsets[position] ?? 0);
    }
    const position = this.#seekOnDisk(wanted, low, high);
    if (position === undefined) return undefined;
    return this.#offset(this.#read(this.#offsetsAt + position * 4, 4).readUInt32BE());
  }

  get #offsetsAt(): number {
    return IDS_AT + this.count * (OBJECT_ID_BYTES + 4);
  }

  #seekInMemory(wanted: Buffer, low: number, high: number, beginnings: Uint32Array): number | undefined {
    const beginning = wanted.readUInt32BE(1);
    let [from, to] = [low, high];
    while (from < to) {
      const middle = (from + to) >> 1;
      if ((beginnings[middle] ?? 0) < beginning) from = middle + 1;
      else to = middle;
    }
    for (let position = from; position < high && beginnings[position] === beginning; position++) {
      const id = this.#read(IDS_AT + position * OBJECT_ID_BYTES, OBJECT_ID_BYTES);
      if (Buffer.compare(id, wanted) === 0) return position;
    }
    return undefined;
  }

  #readTable(): Table {
    const ids = this.ids();
    const stored = this.#read(this.#offsetsAt, this.count * 4);
    const [beginnings, offsets] = [new Uint32Array(this.count), new Uint32Array(this.count)];
    for (let i = 0; i < this.count; i++) {
      beginnings[i] = ids.readUInt32BE(i * OBJECT_ID_BYTES + 1);
      offsets[i] = stored.readUInt32BE(i * 4);
    }
    return { beginnings, offsets };
  }

  /**
   * Ids are evenly spread, so that one is looked for where it should be; the first window or the one beside it nearly
   * always holds it, or shows that it is not there.
   */
  #seekOnDisk(wanted: Buffer, from: number, to: number): number | undefined {
    let [low, high] = [from, to];
    let share = wanted.readUInt32BE(1) / 2 ** 32;
    for (let windows = 1; low < high; windows++) {
      const expected = Math.floor(low + share * (high - low) - WINDOW / 2);
      const start = Math.max(low, Math.min(expected, high - WINDOW));
      const count = Math.min(WINDOW, high - start);
      const { index, isFound } = search(
        this.#read(IDS_AT + start * OBJECT_ID_BYTES, count * OBJECT_ID_BYTES),
        wanted,
      );
      if (isFound) return start + index;
      if (index > 0 && index < count) return undefined;
      const isBefore = index === 0;
      if (isBefore) high = start;
      else low = start + count;
      // A client may have searched for ids that begin alike: from the third window on, halves are what is certain.
      share = windows > 1 ? 0.5 : isBefore ? 1 : 0;
    }
    return undefined;
  }

  /** The ids of all objects in their bytes, sorted; or of the first ones. */
  ids(count = this.count): Buffer {
    return this.#read(IDS_AT, count * OBJECT_ID_BYTES);
  }

  /** Every entry, in the order of the pack. */
  entries(): PackedEntry[] {
    return atOnce(this.entrySteps());
  }

  /** Like `entries`, in short steps. */
  *entrySteps(): Generator<void, PackedEntry[]> {
    const ids = this.ids();
    yield;
    const crcs = this.#read(IDS_AT + this.count * OBJECT_ID_BYTES, this.count * 4);
    const stored = this.#read(this.#offsetsAt, this.count * 4);
    const offsets = new Float64Array(this.count);
    for (let i = 0; i < this.count; i++) offsets[i] = this.#offset(stored.readUInt32BE(i * 4));
    yield;
    // Numbers are sorted much faster than entries; no two offsets are the same.
    const places = new Map<number, number>();
    for (const [i, offset] of offsets.entries()) {
      places.set(offset, i);
      if (i % STEP_ENTRIES === 0) yield;
    }
    offsets.sort();
    const entries: PackedEntry[] = [];
    for (const offset of offsets) {
      const i = places.get(offset) ?? 0;
      const id = objectIdFromBytes(ids.subarray(i * OBJECT_ID_BYTES, (i + 1) * OBJECT_ID_BYTES));
      entries.push({ id, offset, crc: crcs.readUInt32BE(i * 4) });
      if (entries.length % STEP_ENTRIES === 0) yield;
    }
    return entries;
  }

  /** The ids of all objects, in pages: in the order of the pack, or in their own where there are too many to sort. */
  *idPages(): Generator<readonly ObjectId[]> {
    if (this.count <= MAX_SORTED) {
      const ids = this.entries().map(({ id }) => id);
      for (let from = 0; from < ids.length; from += PAGE) yield ids.slice(from, from + PAGE);
      return;
    }
    for (let from = 0; from < this.count; from += PAGE) {
      const count = Math.min(PAGE, this.count - from);
      const bytes = this.#read(IDS_AT + from * OBJECT_ID_BYTES, count * OBJECT_ID_BYTES);
      yield Array.from({ length: count }, (_, i) =>
        objectIdFromBytes(bytes.subarray(i * OBJECT_ID_BYTES, (i + 1) * OBJECT_ID_BYTES)),
      );
    }
  }

  #offset(stored: number): number {
    if (stored < LARGE_OFFSET) return stored;
    const large = IDS_AT + this.count * (OBJECT_ID_BYTES + 8);
    return Number(this.#read(large + (stored - LARGE_OFFSET) * 8, 8).readBigUInt64BE());
  }

  #read(at: number, length: number): Buffer {
    const buffer = Buffer.allocUnsafe(length);
    if (readSync(this.#fd, buffer, 0, length, at) < length) {
      throw new CorruptObjectError(this.#path, "it is cut off");
    }
    return buffer;
  }
}

/** Where an id is among sorted ones, or would be. */
function search(ids: Buffer, wanted: Uint8Array): { readonly index: number; readonly isFound: boolean } {
  let [low, high] = [0, ids.length / OBJECT_ID_BYTES];
  while (low < high) {
    const middle = (low + high) >> 1;
    const at = middle * OBJECT_ID_BYTES;
    const order = ids.compare(wanted, 0, OBJECT_ID_BYTES, at, at + OBJECT_ID_BYTES);
    if (order === 0) return { index: middle, isFound: true };
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  return { index: low, isFound: false };
}
