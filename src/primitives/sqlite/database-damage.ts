import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { basename } from "node:path";
import { ExpectedError } from "../expected-error.ts";
import { isMissingFile } from "../fs/files.ts";

/** A database file is damaged. */
export class DamagedDatabaseError extends ExpectedError {
  override readonly name = "DamagedDatabaseError";
  override readonly kind = "damaged";
  /** Kept when the error is sent to another thread. */
  readonly code = "EVERLOCK_DAMAGED";
  /** The file's path. */
  readonly path: string;
  /** The kind of damage, in a few words. */
  readonly reason: string;

  constructor(path: string, reason: string) {
    super(`${basename(path)} is damaged: ${reason}`);
    this.path = path;
    this.reason = reason;
  }
}

/**
 * SQLite's error codes and messages for damage. Everlock's statements match its tables, so a missing table or a violated constraint also
 * means a damaged file.
 */
const DAMAGE_CODES = /^(SQLITE_(CORRUPT|NOTADB|CONSTRAINT|MISMATCH)|EVERLOCK_DAMAGED$)/;
const DAMAGE_MESSAGES = /^(no such (table|column|index)|malformed|unsupported file format|database schema)/;

/**
 * The damage that `error` reports, if any. `undefined` for a file that is busy, or can't be opened, read or written for lack
 * of space, descriptors or permissions, which says nothing about its content.
 */
export function damageIn(error: unknown): string | undefined {
  if (error instanceof DamagedDatabaseError) return error.reason;
  if (!(error instanceof Error)) return undefined;
  const { code } = error as { code?: unknown };
  const isDamage =
    (typeof code === "string" && DAMAGE_CODES.test(code)) ||
    (code === "SQLITE_ERROR" && DAMAGE_MESSAGES.test(error.message));
  return isDamage ? error.message : undefined;
}

const READ_BYTES = 1 << 20;

/**
 * Reads a whole database file. SQLite also reports damage when the disk fails to read a file; here that throws the system's
 * error instead.
 */
export function assertReadable(path: string): void {
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  for (const file of [path, `${path}-wal`]) {
    try {
      const fd = openSync(file, "r");
      try {
        while (readSync(fd, buffer, 0, READ_BYTES, null) > 0);
      } finally {
        closeSync(fd);
      }
    } catch (error) {
      if (!isMissingFile(error)) throw error;
    }
  }
}

const HEADER_BYTES = 100;
const MAGIC = "SQLite format 3\0";

/** Header bytes that are the same in every file of Everlock (sqlite.org/fileformat2.html, "The Database Header"). */
const FIXED: readonly (readonly [offset: number, bytes: readonly number[]])[] = [
  [16, [0x10, 0]], // pages of 4 KiB
  [20, [0, 64, 32, 32]],
  [48, [0, 0, 0, 0, 0, 0, 0, 0]], // cache, no auto-vacuum
  [64, [0, 0, 0, 0, 0, 0, 0, 0, ...Array.from({ length: 20 }, () => 0)]],
];

/** Header bytes that are 0 while the file is empty and all data is in its log. */
const FIXED_ONCE_WRITTEN: typeof FIXED = [
  [44, [0, 0, 0, 4]], // schema format
  [56, [0, 0, 0, 1]], // UTF-8
];
const PAGE_BYTES = 4096;

/** Throws `DamagedDatabaseError` for a file with a header that SQLite would misread or reject. */
export function checkHeader(path: string): void {
  const { header, size } = readHeader(path);
  if (size === 0) return;
  const has = ([offset, bytes]: (typeof FIXED)[number]) =>
    bytes.every((byte, i) => header[offset + i] === byte);
  const isEmpty =
    size === PAGE_BYTES && FIXED_ONCE_WRITTEN.every(([offset]) => header.readUInt32BE(offset) === 0);
  const isSound =
    header.length === HEADER_BYTES &&
    header.toString("latin1", 0, MAGIC.length) === MAGIC &&
    [18, 19].every((at) => header[at] === 1 || header[at] === 2) &&
    FIXED.every(has) &&
    (isEmpty || FIXED_ONCE_WRITTEN.every(has));
  if (!isSound) throw new DamagedDatabaseError(path, "its header is not that of a database");
}

/** Empty for a missing file. */
function readHeader(path: string): { readonly header: Buffer; readonly size: number } {
  const header = Buffer.alloc(HEADER_BYTES);
  try {
    const fd = openSync(path, "r");
    try {
      return {
        header: header.subarray(0, readSync(fd, header, 0, HEADER_BYTES, 0)),
        size: fstatSync(fd).size,
      };
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (isMissingFile(error)) return { header, size: 0 };
    throw error;
  }
}
