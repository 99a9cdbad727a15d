import { closeSync, openSync, readdirSync, renameSync, utimesSync, writeSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import type { DigestAlgorithm } from "../../../../digest.ts";
import { ExpectedError } from "../../../../expected-error.ts";
import { removeFile, removeQuietly, syncFile } from "../../../../fs/durable.ts";
import { isSystemError } from "../../../../fs/files.ts";

const BUFFER_BYTES = 1 << 20;
/** What the name of a file ends with while it is being copied. */
export const TEMPORARY_SUFFIX = ".copying";

/** A file whose bytes are not what they should be, or that the disk can't read. */
export class DamagedFileError extends ExpectedError {
  override readonly name = "DamagedFileError";
  override readonly kind = "damaged";
  constructor(path: string, cause?: unknown) {
    super(`${path} is damaged${cause instanceof Error ? `: ${cause.message}` : ""}`, { cause });
  }
}

/** Removes what a copy that was killed has left in a directory. */
export function removeTemporaries(directory: string): void {
  for (const name of readdirSync(directory))
    if (name.endsWith(TEMPORARY_SUFFIX)) removeFile(`${directory}/${name}`);
}

export interface CopyOptions {
  readonly algorithm: DigestAlgorithm;
  /** Whether the bytes are as they should be; `tail` are the last of them, which the hash leaves out. */
  readonly isSound: (hash: Uint8Array, tail: Uint8Array) => boolean;
  /** How many bytes at the end the hash leaves out. */
  readonly tailBytes?: number;
  /** When the copy is to have been written last, in seconds since the epoch. */
  readonly writtenAt?: number;
}

/**
 * Copies a file that never changes, and hashes it on the way. The copy appears as a whole and synced, or not at all; its
 * directory entry is the caller's to sync. Answers its size. Throws `DamagedFileError`.
 */
export async function copyVerified(
  source: string,
  target: string,
  { algorithm, isSound, tailBytes = 0, writtenAt }: CopyOptions,
): Promise<number> {
  const temporary = target + TEMPORARY_SUFFIX;
  const hasher = new Bun.CryptoHasher(algorithm);
  const handle = await open(source, "r");
  let fd: number | undefined;
  try {
    removeFile(temporary);
    fd = openSync(temporary, "wx", 0o600);
    let tail = Buffer.alloc(0);
    let size = 0;
    const buffer = Buffer.allocUnsafe(BUFFER_BYTES);
    for (;;) {
      const bytesRead = await readNext(handle, buffer, source);
      if (bytesRead === 0) break;
      const bytes = buffer.subarray(0, bytesRead);
      for (let at = 0; at < bytesRead; ) at += writeSync(fd, bytes, at);
      size += bytesRead;
      if (tailBytes === 0) {
        hasher.update(bytes);
        continue;
      }
      const known = Buffer.concat([tail, bytes]);
      const end = Math.max(known.length - tailBytes, 0);
      hasher.update(known.subarray(0, end));
      tail = known.subarray(end);
    }
    if (!isSound(hasher.digest(), tail)) throw new DamagedFileError(source);
    await syncFile(fd);
    if (writtenAt !== undefined) utimesSync(temporary, writtenAt, writtenAt);
    renameSync(temporary, target);
    return size;
  } finally {
    await handle.close();
    if (fd !== undefined) closeSync(fd);
    removeQuietly(temporary);
  }
}

async function readNext(handle: FileHandle, buffer: Buffer, source: string): Promise<number> {
  try {
    return (await handle.read(buffer, 0, buffer.length)).bytesRead;
  } catch (error) {
    if (isSystemError(error, "EIO")) throw new DamagedFileError(source, error);
    throw error;
  }
}
