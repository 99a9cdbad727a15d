import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { CorruptObjectError } from "./object.ts";
import { OBJECT_ID_BYTES, type ObjectId, objectIdFromBytes, objectIdToBytes } from "./object-id.ts";
import type { PackedEntry } from "./pack.ts";

const MAGIC = 0xff744f63;
const VERSION = 2;
const FANOUT_AT = 8;
const FANOUT_SIZE = 256;
const IDS_AT = FANOUT_AT + FANOUT_SIZE * 4;
/** Ids that are read at once in search of one. */
const WINDOW = 64;
/** Offsets from here on do not fit 31 bits and go to a table of 64-bit ones. */
const LARGE_OFFSET = 0x80000000;

/** A version 2 pack index with 32-byte object ids (gitformat-pack, "Version 2 pack-*.idx files"). */
export function encodePackIndex(entries: readonly PackedEntry[], packChecksum: Uint8Array): Uint8Array {
  const byFirstByte = Array.from({ length: FANOUT_SIZE }, (): PackedEntry[] => []);
  for (const entry of entries) byFirstByte[Number.parseInt(entry.id.slice(0, 2), 16)]?.push(entry);
  const sorted = byFirstByte.flatMap((some) => some.sort((a, b) => (a.id < b.id ? -1 : 1)));
  const large = sorted.filter((entry) => entry.offset >= LARGE_OFFSET);
  const count = sorted.length;
  const crcAt = IDS_AT + count * OBJECT_ID_BYTES;
  const offsetAt = crcAt + count * 4;
  const largeAt = offsetAt + count * 4;
  const body = Buffer.alloc(largeAt + large.length * 8 + packChecksum.length);
  body.writeUInt32BE(MAGIC, 0);
  body.writeUInt32BE(VERSION, 4);

  let nextLarge = 0;
  sorted.forEach((entry, i) => {
    body.write(entry.id, IDS_AT + i * OBJECT_ID_BYTES, "hex");
    body.writeUInt32BE(entry.crc, crcAt + i * 4);
    if (entry.offset < LARGE_OFFSET) {
      body.writeUInt32BE(entry.offset, offsetAt + i * 4);
    } else {
      body.writeUInt32BE(LARGE_OFFSET + nextLarge, offsetAt + i * 4);
      body.writeBigUInt64BE(BigInt(entry.offset), largeAt + nextLarge * 8);
      nextLarge++;
    }
  });
  let total = 0;
  byFirstByte.forEach((some, first) => {
    total += some.length;
    body.writeUInt32BE(total, FANOUT_AT + first * 4);
  });
  body.set(packChecksum, largeAt + large.length * 8);
  return Buffer.concat([body, new Bun.CryptoHasher("sha256").update(body).digest()]);
}

/** An index on disk, open for looking up; only its fan-out table is kept in memory. */
export class PackIndex {
  readonly count: number;
  readonly #path: string;
  readonly #fd: number;
  readonly #fanout: Buffer;

  constructor(path: string) {
    this.#path = path;
    this.#fd = openSync(path, "r");
    try {
      this.#fanout = this.#read(FANOUT_AT, IDS_AT - FANOUT_AT);
      const header = this.#read(0, FANOUT_AT);
      if (header.readUInt32BE(0) !== MAGIC || header.readUInt32BE(4) !== VERSION) {
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

  offsetOf(id: ObjectId): number | undefined {
    const position = this.#positionOf(objectIdToBytes(id));
    if (position === undefined) return undefined;
    const offsets = IDS_AT + this.count * (OBJECT_ID_BYTES + 4);
    return this.#offset(this.#read(offsets + position * 4, 4).readUInt32BE());
  }

  /**
   * Ids are evenly spread, so that one is looked for where it should be; usually the first window holds it, or shows
   * that it is not there.
   */
  #positionOf(wanted: Uint8Array): number | undefined {
    const first = wanted[0] ?? 0;
    let low = first === 0 ? 0 : this.#fanout.readUInt32BE((first - 1) * 4);
    let high = this.#fanout.readUInt32BE(first * 4);
    let share = fractionAfterFirstByte(wanted);
    while (low < high) {
      const expected = Math.floor(low + share * (high - low) - WINDOW / 2);
      const start = Math.max(low, Math.min(expected, high - WINDOW));
      const window = this.#read(
        IDS_AT + start * OBJECT_ID_BYTES,
        Math.min(WINDOW, high - start) * OBJECT_ID_BYTES,
      );
      const { index, isFound } = search(window, wanted);
      if (isFound) return start + index;
      const count = window.length / OBJECT_ID_BYTES;
      if (index > 0 && index < count) return undefined;
      // It lies beside the window, or nowhere.
      if (index === 0) [high, share] = [start, 1];
      else [low, share] = [start + count, 0];
    }
    return undefined;
  }

  /** Every entry, in the order of the pack. */
  entries(): PackedEntry[] {
    const ids = this.#read(IDS_AT, this.count * OBJECT_ID_BYTES);
    const crcs = this.#read(IDS_AT + this.count * OBJECT_ID_BYTES, this.count * 4);
    const offsets = this.#read(IDS_AT + this.count * (OBJECT_ID_BYTES + 4), this.count * 4);
    const entries = Array.from({ length: this.count }, (_, i) => ({
      id: objectIdFromBytes(ids.subarray(i * OBJECT_ID_BYTES, (i + 1) * OBJECT_ID_BYTES)),
      offset: this.#offset(offsets.readUInt32BE(i * 4)),
      crc: crcs.readUInt32BE(i * 4),
    }));
    return entries.sort((a, b) => a.offset - b.offset);
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

/** How far into the ids with the same first byte it lies, from 0 to 1. */
function fractionAfterFirstByte(id: Uint8Array): number {
  return ((id[1] ?? 0) * 0x10000 + (id[2] ?? 0) * 0x100 + (id[3] ?? 0)) / 0x1000000;
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
