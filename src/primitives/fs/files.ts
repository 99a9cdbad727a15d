import { writeSync, writev } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { promisify } from "node:util";
import type { DigestAlgorithm } from "../digest.ts";

/** Whether the error means that the file does not exist. */
export function isMissingFile(error: unknown): boolean {
  return isSystemError(error, "ENOENT") || isSystemError(error, "ENOTDIR");
}

export function isSystemError(error: unknown, code: string): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === code;
}

const writevAt = promisify(writev);

/** Writes all `chunks` consecutively from `position`. */
export async function writeAll(fd: number, chunks: readonly Uint8Array[], position: number): Promise<void> {
  const size = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  if (size === 0) return;
  const { bytesWritten } = await writevAt(fd, chunks, position);
  if (bytesWritten < size)
    writeFullySync(fd, Buffer.concat(chunks).subarray(bytesWritten), position + bytesWritten);
}

/** Writes all of `chunk` at `position`; returns its size. */
export function writeFullySync(fd: number, chunk: Uint8Array, position: number): number {
  for (let at = 0; at < chunk.length; ) at += writeSync(fd, chunk, at, chunk.length - at, position + at);
  return chunk.length;
}

/** Writes all of `chunk` at `position`, with several writes if one is short. */
export async function writeFully(handle: FileHandle, chunk: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < chunk.length; ) {
    at += (await handle.write(chunk, at, chunk.length - at, position + at)).bytesWritten;
  }
}

const HASH_BUFFER_BYTES = 1 << 20;

/** Called between the steps of long work; it may pause the work, or throw to abort it. */
export type Step = () => Promise<void> | undefined;

export interface HashOptions {
  /** Number of bytes from the start; default: all. */
  readonly length?: number;
  readonly step?: Step | undefined;
}

/** Hashes a file in parts. Reading does not block the event loop; hashing does. */
export async function hashFile(
  path: string,
  algorithm: DigestAlgorithm,
  { length = Number.POSITIVE_INFINITY, step }: HashOptions = {},
): Promise<Bun.CryptoHasher> {
  const hasher = new Bun.CryptoHasher(algorithm);
  const handle = await open(path, "r");
  try {
    const buffer = Buffer.allocUnsafe(HASH_BUFFER_BYTES);
    for (let left = length; ; ) {
      const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, left));
      if (bytesRead === 0) return hasher;
      hasher.update(buffer.subarray(0, bytesRead));
      left -= bytesRead;
      await step?.();
    }
  } finally {
    await handle.close();
  }
}
