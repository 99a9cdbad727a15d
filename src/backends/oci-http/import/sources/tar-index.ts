import { type FileHandle, open } from "node:fs/promises";
import { posix } from "node:path";

/** A regular file in a tar archive. */
export interface TarEntry {
  /** Of its content in the archive, in bytes. */
  readonly offset: number;
  readonly size: number;
  /** In seconds since the epoch. */
  readonly made: number;
}

const BLOCK = 512;
/** Of the extended headers, which hold long paths. */
const MAX_HEADER_BYTES = 1 << 20;
const MAX_ENTRIES = 1_000_000;

/** The file is no tar archive, or damaged; the message is one line for the user. */
export class TarFault extends Error {
  override readonly name = "TarFault";
}

/** The regular files of an uncompressed tar archive (POSIX ustar and pax, GNU) by path; a link leads to its target. */
export async function readTarIndex(path: string): Promise<ReadonlyMap<string, TarEntry>> {
  const handle = await open(path, "r");
  try {
    return await readIndex(handle, path);
  } finally {
    await handle.close();
  }
}

async function readIndex(handle: FileHandle, archive: string): Promise<ReadonlyMap<string, TarEntry>> {
  const { size: archiveSize } = await handle.stat();
  const entries = new Map<string, TarEntry>();
  const links = new Map<string, string>();
  let extended: Extended = {};
  for (let at = 0; at < archiveSize; ) {
    const header = await readAt(handle, at, BLOCK);
    if (header.length < BLOCK && at > 0)
      throw new TarFault(`the archive ${archive} is cut off: its end is missing`);
    if (header.every((byte) => byte === 0)) break;
    if (!hasRightSum(header)) throw new TarFault(wrongHeader(header, archive, at));
    const type = String.fromCharCode(header[156] ?? 0);
    const size = extended.size ?? number(header, 124, 12);
    const offset = at + BLOCK;
    at = offset + Math.ceil(size / BLOCK) * BLOCK;
    if (size < 0) throw new TarFault(`the archive ${archive} is damaged: it has a file of ${size} bytes`);
    if (!Number.isSafeInteger(at) || offset + size > archiveSize)
      throw new TarFault(`the archive ${archive} is cut off: its end is missing`);
    if (type === "x" || type === "L" || type === "K") {
      if (size > MAX_HEADER_BYTES) throw new TarFault(`the archive ${archive} has a header of ${size} bytes`);
      extended = { ...extended, ...readExtended(type, await readAt(handle, offset, size)) };
      continue;
    }
    const name = normalized(extended.path ?? nameIn(header));
    if (type === "0" || type === "\0" || type === "7")
      entries.set(name, { offset, size, made: number(header, 136, 12) });
    const target = extended.linkPath ?? text(header, 157, 100);
    if (type === "1") links.set(name, normalized(target));
    if (type === "2") links.set(name, normalized(posix.join(posix.dirname(name), target)));
    if (type !== "g") extended = {};
    if (entries.size + links.size > MAX_ENTRIES)
      throw new TarFault(`the archive ${archive} has more than ${MAX_ENTRIES} entries`);
  }
  for (const [name, target] of links) {
    const entry = entries.get(target);
    if (entry) entries.set(name, entry);
  }
  return entries;
}

interface Extended {
  readonly path?: string;
  readonly linkPath?: string;
  readonly size?: number;
}

function readExtended(type: string, bytes: Uint8Array): Extended {
  if (type === "L") return { path: text(bytes, 0, bytes.length) };
  if (type === "K") return { linkPath: text(bytes, 0, bytes.length) };
  // Records such as `23 path=some/long/path\n`; the number is the length of the whole record in bytes.
  const values = new Map<string, string>();
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at);
    const length = space < 0 ? 0 : Number(text(bytes, at, space - at));
    if (!Number.isSafeInteger(length) || length <= 0) break;
    const record = text(bytes, space + 1, at + length - space - 2);
    const equals = record.indexOf("=");
    values.set(record.slice(0, equals), record.slice(equals + 1));
    at += length;
  }
  const [path, linkPath, size] = [values.get("path"), values.get("linkpath"), values.get("size")];
  return {
    ...(path !== undefined && { path }),
    ...(linkPath !== undefined && { linkPath }),
    ...(size !== undefined && { size: Number(size) }),
  };
}

function nameIn(header: Uint8Array): string {
  const prefix = text(header, 257, 5) === "ustar" ? text(header, 345, 155) : "";
  const name = text(header, 0, 100);
  return prefix === "" ? name : `${prefix}/${name}`;
}

const normalized = (path: string) => posix.normalize(path).replace(/^\/+/, "");

function text(bytes: Uint8Array, at: number, length: number): string {
  const field = bytes.subarray(at, at + length);
  const end = field.indexOf(0);
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
}

/** Octal digits; or, for large numbers, base 256 with the first bit set. */
function number(header: Uint8Array, at: number, length: number): number {
  const field = header.subarray(at, at + length);
  if (((field[0] ?? 0) & 0x80) === 0) return Number.parseInt(text(field, 0, length).trim() || "0", 8);
  return field.subarray(1).reduce((value, byte) => value * 256 + byte, (field[0] ?? 0) & 0x7f);
}

function hasRightSum(header: Uint8Array): boolean {
  const sum = header.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 0x20 : byte), 0);
  return number(header, 148, 8) === sum;
}

function wrongHeader(header: Uint8Array, archive: string, at: number): string {
  const isGzip = header[0] === 0x1f && header[1] === 0x8b;
  const isZstandard = header[0] === 0x28 && header[1] === 0xb5 && header[2] === 0x2f && header[3] === 0xfd;
  const start = String.fromCharCode(...header.subarray(0, 6));
  if (at === 0 && isGzip) return `${archive} is compressed; unpack it first, as 'gunzip' does`;
  if (at === 0 && isZstandard) return `${archive} is compressed; unpack it first, as 'unzstd' does`;
  if (at === 0 && start.startsWith("BZh"))
    return `${archive} is compressed; unpack it first, as 'bunzip2' does`;
  if (at === 0 && start === "\u00fd7zXZ\0")
    return `${archive} is compressed; unpack it first, as 'unxz' does`;
  return at === 0 ? `${archive} is no tar archive` : `the archive ${archive} is damaged at byte ${at}`;
}

async function readAt(handle: FileHandle, at: number, length: number): Promise<Uint8Array> {
  const buffer = new Uint8Array(length);
  const { bytesRead } = await handle.read(buffer, 0, length, at);
  return buffer.subarray(0, bytesRead);
}
