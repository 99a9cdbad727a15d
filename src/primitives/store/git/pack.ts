import { inflateSync } from "node:zlib";
import { atOnce } from "../../jobs/in-turns.ts";
import { CorruptObjectError, type GitObject, type NamedObject, type ObjectType } from "./object.ts";
import type { ObjectId } from "./object-id.ts";
import { readStoredFrame, zlibFrame } from "./zlib-frame.ts";

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
  readonly bytes: Uint8Array<ArrayBuffer>;
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

const TYPES = new Map<number, ObjectType>([
  [PACK_TYPE.commit, "commit"],
  [PACK_TYPE.tree, "tree"],
  [PACK_TYPE.blob, "blob"],
  [PACK_TYPE.tag, "tag"],
]);

/** The header of an entry without delta: its type, the size of the object, and where the data begins. */
export interface EntryHeader {
  readonly type: ObjectType;
  readonly size: number;
  readonly dataAt: number;
}

/** `undefined` if it is a delta, or cut off. */
export function decodeEntryHeader(bytes: Uint8Array): EntryHeader | undefined {
  let at = 0;
  let next = bytes[at++];
  if (next === undefined) return undefined;
  const type = TYPES.get((next >> 4) & 0x07);
  let size = next & 0x0f;
  for (let scale = 16; next >= 0x80; scale *= 128) {
    next = bytes[at++];
    if (next === undefined) return undefined;
    size += (next & 0x7f) * scale;
  }
  return type && { type, size, dataAt: at };
}

/** The inverse of `encodeEntry`; bytes behind the entry do not matter. Throws `CorruptObjectError`. */
export function decodeEntry({ id, bytes }: EncodedEntry): GitObject {
  const header = decodeEntryHeader(bytes);
  if (!header) throw new CorruptObjectError(`object ${id}`, "its entry has no readable header");
  const data = bytes.subarray(header.dataAt);
  const stored = readStoredFrame(data, header.size);
  if (stored) return { type: header.type, body: stored };
  let body: Uint8Array;
  try {
    body = inflateSync(data);
  } catch (cause) {
    throw new CorruptObjectError(`object ${id}`, `its data does not inflate (${cause})`);
  }
  if (body.length !== header.size) throw new CorruptObjectError(`object ${id}`, "its data has another size");
  return { type: header.type, body };
}

export function assemblePack(encoded: readonly EncodedEntry[]): EncodedPack {
  return atOnce(packSteps(encoded));
}

/** Entries in one step, and the bytes of them from which on it has no more. */
const STEP_ENTRIES = 2000;
const STEP_BYTES = 1024 * 1024;

/** Makes a pack in short steps, between which others can have the thread. */
export function* packSteps(encoded: readonly EncodedEntry[]): Generator<void, EncodedPack> {
  const size = encoded.reduce((sum, { bytes }) => sum + bytes.length, PACK_HEADER_BYTES);
  const pack = Buffer.allocUnsafe(size + CHECKSUM_BYTES);
  pack.set(encodePackHeader(encoded.length));
  const hash = new Bun.CryptoHasher("sha256").update(pack.subarray(0, PACK_HEADER_BYTES));
  const entries: PackedEntry[] = [];
  let offset = PACK_HEADER_BYTES;
  let hashed = offset;
  for (const { id, bytes } of encoded) {
    entries.push({ id, offset, crc: Bun.hash.crc32(bytes) });
    pack.set(bytes, offset);
    offset += bytes.length;
    if (entries.length % STEP_ENTRIES !== 0 && offset - hashed < STEP_BYTES) continue;
    hash.update(pack.subarray(hashed, offset));
    hashed = offset;
    yield;
  }
  const checksum = hash.update(pack.subarray(hashed, offset)).digest();
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
