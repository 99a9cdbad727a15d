import type { NamedObject, ObjectType } from "./object.ts";
import type { ObjectId } from "./object-id.ts";
import { zlibFrame } from "./zlib-frame.ts";

/** Type numbers of pack entries (gitformat-pack). */
export const PACK_TYPE = { commit: 1, tree: 2, blob: 3, tag: 4, offsetDelta: 6, refDelta: 7 } as const;

export const PACK_HEADER_BYTES = 12;
const CHECKSUM_BYTES = 32;
const MIN_COMPRESSED_BYTES = 2048;

export interface PackedEntry {
  readonly id: ObjectId;
  readonly offset: number;
  readonly crc: number;
}

export interface EncodedPack {
  readonly bytes: Uint8Array;
  readonly entries: readonly PackedEntry[];
  /** SHA-256 of all preceding bytes of the pack; the pack file is named after it. */
  readonly checksum: Uint8Array;
}

export function encodePackHeader(count: number): Uint8Array {
  const header = Buffer.alloc(PACK_HEADER_BYTES);
  header.write("PACK");
  header.writeUInt32BE(2, 4);
  header.writeUInt32BE(count, 8);
  return header;
}

/** An encoded pack entry: header and zlib data. */
export interface EncodedEntry {
  readonly id: ObjectId;
  readonly bytes: Uint8Array;
}

/** Encodes an object as an entry without delta. */
export function encodeEntry({ id, type, body }: NamedObject): EncodedEntry {
  // Trees consist of binary ids, which do not compress; small objects are not worth compressing.
  const isStored = type === "tree" || body.length < MIN_COMPRESSED_BYTES;
  const header = encodeEntryHeader(type, body.length);
  const bytes = zlibFrame(body, isStored ? "stored" : "deflated", header.length);
  bytes.set(header);
  return { id, bytes };
}

export function assemblePack(encoded: readonly EncodedEntry[]): EncodedPack {
  const size = encoded.reduce((sum, { bytes }) => sum + bytes.length, PACK_HEADER_BYTES);
  const pack = Buffer.allocUnsafe(size + CHECKSUM_BYTES);
  pack.set(encodePackHeader(encoded.length));
  let offset = PACK_HEADER_BYTES;
  const entries = encoded.map(({ id, bytes }): PackedEntry => {
    const entry = { id, offset, crc: Bun.hash.crc32(bytes) };
    pack.set(bytes, offset);
    offset += bytes.length;
    return entry;
  });
  const checksum = new Bun.CryptoHasher("sha256").update(pack.subarray(0, size)).digest();
  pack.set(checksum, size);
  return { bytes: pack, entries, checksum };
}

/** The first byte has the type in bits 4 to 6 and the low four bits of the size; further bytes have seven bits each. */
function encodeEntryHeader(type: ObjectType, size: number): readonly number[] {
  const bytes: number[] = [];
  let first = (PACK_TYPE[type] << 4) | (size & 0x0f);
  let rest = Math.floor(size / 16);
  while (rest > 0) {
    bytes.push(first | 0x80);
    first = rest & 0x7f;
    rest = Math.floor(rest / 128);
  }
  bytes.push(first);
  return bytes;
}
