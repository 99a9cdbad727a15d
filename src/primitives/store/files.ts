import type { FileHandle } from "node:fs/promises";

/** True for the error of a file operation on something that does not exist. */
export function isMissingFile(error: unknown): boolean {
  return isSystemError(error, "ENOENT") || isSystemError(error, "ENOTDIR");
}

export function isSystemError(error: unknown, code: string): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === code;
}

/** Writes all of `chunks` one after the other from `position` on. */
export async function writeAll(
  handle: FileHandle,
  chunks: readonly Uint8Array[],
  position: number,
): Promise<void> {
  const size = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  if (size === 0) return;
  const { bytesWritten } = await handle.writev(chunks, position);
  if (bytesWritten < size) {
    await writeFully(handle, Buffer.concat(chunks).subarray(bytesWritten), position + bytesWritten);
  }
}

/** Writes all of `chunk` at `position`; a single write may be a short one. */
export async function writeFully(handle: FileHandle, chunk: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < chunk.length; ) {
    at += (await handle.write(chunk, at, chunk.length - at, position + at)).bytesWritten;
  }
}
