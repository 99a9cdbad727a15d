import { closeSync, openSync, readdirSync, renameSync, utimesSync, writeSync } from "node:fs";
import { open } from "node:fs/promises";
import type { DigestAlgorithm } from "../digest.ts";
import { ExpectedError } from "../expected-error.ts";
import { removeFile, removeQuietly, syncFile } from "./durable.ts";
import { isSystemError } from "./files.ts";

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
export function copyVerified(source: string, target: string, options: CopyOptions): Promise<number> {
  return writeVerified(chunksOf(source), source, target, options);
}

/** Like `copyVerified`, of bytes that come from elsewhere; `source` names them in errors. A chunk may be used again for the next one. */
export async function writeVerified(
  chunks: AsyncIterable<Uint8Array>,
  source: string,
  target: string,
  { algorithm, isSound, tailBytes = 0, writtenAt }: CopyOptions,
): Promise<number> {
  const temporary = target + TEMPORARY_SUFFIX;
  const hasher = new Bun.CryptoHasher(algorithm);
  let fd: number | undefined;
  try {
    let tail = Buffer.alloc(0);
    let size = 0;
    for await (const bytes of chunks) {
      // A source that can't be opened has no temporary file.
      fd ??= create(temporary);
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
      size += bytes.length;
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
    fd ??= create(temporary);
    await syncFile(fd);
    if (writtenAt !== undefined) utimesSync(temporary, writtenAt, writtenAt);
    renameSync(temporary, target);
    return size;
  } finally {
    if (fd !== undefined) {
      closeSync(fd);
      removeQuietly(temporary);
    }
  }
}

function create(temporary: string): number {
  removeFile(temporary);
  return openSync(temporary, "wx", 0o600);
}

/** The bytes of a file in one buffer, which is filled again and again. */
async function* chunksOf(path: string): AsyncGenerator<Uint8Array> {
  const handle = await open(path, "r");
  try {
    const buffer = Buffer.allocUnsafe(BUFFER_BYTES);
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } catch (error) {
    if (isSystemError(error, "EIO")) throw new DamagedFileError(path, error);
    throw error;
  } finally {
    await handle.close();
  }
}
