import { CorruptObjectError } from "./object.ts";
import { OBJECT_ID_BYTES, type ObjectId, objectIdFromBytes, objectIdToBytes } from "./object-id.ts";
import type { PackedEntry } from "./pack.ts";

const MAGIC = 0xff744f63;
const VERSION = 2;
const FANOUT_AT = 8;
const IDS_AT = FANOUT_AT + 256 * 4;
/** Offsets from here on do not fit 31 bits and go to a table of 64-bit ones. */
const LARGE_OFFSET = 0x80000000;

/** A version 2 pack index with 32-byte object ids (gitformat-pack, "Version 2 pack-*.idx files"). */
export function encodePackIndex(entries: readonly PackedEntry[], packChecksum: Uint8Array): Uint8Array {
  const sorted = entries.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const large = sorted.filter((entry) => entry.offset >= LARGE_OFFSET);
  const count = sorted.length;
  const crcAt = IDS_AT + count * OBJECT_ID_BYTES;
  const offsetAt = crcAt + count * 4;
  const largeAt = offsetAt + count * 4;
  const body = Buffer.alloc(largeAt + large.length * 8 + packChecksum.length);
  body.writeUInt32BE(MAGIC, 0);
  body.writeUInt32BE(VERSION, 4);

  const fanout = new Uint32Array(256);
  let nextLarge = 0;
  sorted.forEach((entry, i) => {
    const id = objectIdToBytes(entry.id);
    const first = id[0] ?? 0;
    fanout[first] = (fanout[first] ?? 0) + 1;
    body.set(id, IDS_AT + i * OBJECT_ID_BYTES);
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
  fanout.forEach((size, first) => {
    total += size;
    body.writeUInt32BE(total, FANOUT_AT + first * 4);
  });
  body.set(packChecksum, largeAt + large.length * 8);
  return Buffer.concat([body, new Bun.CryptoHasher("sha256").update(body).digest()]);
}

/** Finds objects in an encoded index without unpacking it. */
export class PackIndex {
  readonly count: number;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer, subject: string) {
    if (bytes.length < IDS_AT || bytes.readUInt32BE(0) !== MAGIC || bytes.readUInt32BE(4) !== VERSION) {
      throw new CorruptObjectError(subject, "it is not a version 2 pack index");
    }
    this.#bytes = bytes;
    this.count = bytes.readUInt32BE(FANOUT_AT + 255 * 4);
    if (bytes.length < IDS_AT + this.count * (OBJECT_ID_BYTES + 8)) {
      throw new CorruptObjectError(subject, "it is cut off");
    }
  }

  offsetOf(id: ObjectId): number | undefined {
    const wanted = objectIdToBytes(id);
    const first = wanted[0] ?? 0;
    let low = first === 0 ? 0 : this.#bytes.readUInt32BE(FANOUT_AT + (first - 1) * 4);
    let high = this.#bytes.readUInt32BE(FANOUT_AT + first * 4);
    while (low < high) {
      const middle = (low + high) >> 1;
      const at = IDS_AT + middle * OBJECT_ID_BYTES;
      const order = this.#bytes.compare(wanted, 0, OBJECT_ID_BYTES, at, at + OBJECT_ID_BYTES);
      if (order === 0) return this.#offset(middle);
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    return undefined;
  }

  /** Every entry, by object id. */
  *entries(): Generator<PackedEntry> {
    for (let i = 0; i < this.count; i++) {
      const at = IDS_AT + i * OBJECT_ID_BYTES;
      const crc = this.#bytes.readUInt32BE(IDS_AT + this.count * OBJECT_ID_BYTES + i * 4);
      yield {
        id: objectIdFromBytes(this.#bytes.subarray(at, at + OBJECT_ID_BYTES)),
        offset: this.#offset(i),
        crc,
      };
    }
  }

  #offset(position: number): number {
    const offsetsAt = IDS_AT + this.count * (OBJECT_ID_BYTES + 4);
    const offset = this.#bytes.readUInt32BE(offsetsAt + position * 4);
    if (offset < LARGE_OFFSET) return offset;
    return Number(this.#bytes.readBigUInt64BE(offsetsAt + this.count * 4 + (offset - LARGE_OFFSET) * 8));
  }
}
