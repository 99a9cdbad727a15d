import type { NamedObject, ObjectType } from "./object.ts";
import type { ObjectId } from "./object-id.ts";
import { zlibFrame } from "./zlib-frame.ts";

/** Type numbers of pack entries (gitformat-pack). */
export const PACK_TYPE = { commit: 1, tree: 2, blob: 3, tag: 4, offsetDelta: 6, refDelta: 7 } as const;

export const PACK_HEADER_BYTES = 12;
const MIN_COMPRESSED_BYTES = 2048;

export interface PackedEntry {
  readonly id: ObjectId;
  readonly offset: number;
  readonly crc: number;
}

export interface EncodedPack {
  readonly bytes: Uint8Array;
  readonly entries: readonly PackedEntry[];
  /** SHA-256 of all that precedes it in the pack; also names the pack file. */
  readonly checksum: Uint8Array;
}

export function encodePackHeader(count: number): Uint8Array {
  const header = Buffer.alloc(PACK_HEADER_BYTES);
  header.write("PACK");
  header.writeUInt32BE(2, 4);
  header.writeUInt32BE(count, 8);
  return header;
}

/** An object as it lies in a pack: header and compressed data. */
export interface EncodedEntry {
  readonly id: ObjectId;
  readonly bytes: Uint8Array;
}

/** A whole object, without delta. */
export function encodeEntry({ id, type, body }: NamedObject): EncodedEntry {
  // The binary ids in a tree do not compress, and what is small is not worth it.
  const isStored = type === "tree" || body.length < MIN_COMPRESSED_BYTES;
  const data = zlibFrame(body, isStored ? 0 : 1);
  return { id, bytes: Buffer.concat([encodeEntryHeader(type, body.length), data]) };
}

export function assemblePack(encoded: readonly EncodedEntry[]): EncodedPack {
  const pieces: Uint8Array[] = [encodePackHeader(encoded.length)];
  const entries: PackedEntry[] = [];
  let offset = PACK_HEADER_BYTES;
  for (const { id, bytes } of encoded) {
    entries.push({ id, offset, crc: Bun.hash.crc32(bytes) });
    pieces.push(bytes);
    offset += bytes.length;
  }
  const hash = new Bun.CryptoHasher("sha256");
  for (const piece of pieces) hash.update(piece);
  const checksum = hash.digest();
  return { bytes: Buffer.concat([...pieces, checksum]), entries, checksum };
}

/** Type in bits 4 to 6 of the first byte, size in its low four bits and then seven bits a byte. */
function encodeEntryHeader(type: ObjectType, size: number): Uint8Array {
  const bytes: number[] = [];
  let first = (PACK_TYPE[type] << 4) | (size & 0x0f);
  let rest = Math.floor(size / 16);
  while (rest > 0) {
    bytes.push(first | 0x80);
    first = rest & 0x7f;
    rest = Math.floor(rest / 128);
  }
  bytes.push(first);
  return Uint8Array.from(bytes);
}
