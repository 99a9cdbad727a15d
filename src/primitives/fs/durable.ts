import { closeSync, fdatasync, fsync, fsyncSync, openSync, renameSync, unlinkSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";

/*
 * The only place that syncs files and directories: what must survive a power cut is written by these functions.
 */

/** Makes the bytes written through `fd` durable (fsync), without blocking the event loop. */
export const syncFile: (fd: number) => Promise<void> = promisify(fsync);

/** Like `syncFile`, but syncs only the metadata needed to read the bytes back (fdatasync). */
export const syncFileData: (fd: number) => Promise<void> = promisify(fdatasync);

/** Like `syncFile`, for a closed file. */
export async function syncFileAt(path: string): Promise<void> {
  const fd = openSync(path, "r+");
  try {
    await syncFile(fd);
  } finally {
    closeSync(fd);
  }
}

/** Like `syncFileAt`, but blocks the thread, for work that must not be interrupted. */
export function syncFileBlocking(path: string): void {
  const fd = openSync(path, "r+");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Makes the entries of a directory durable: files created, renamed or removed in it. */
export async function syncDirectory(path: string): Promise<void> {
  // Windows can't open directories, and does not need to: NTFS journals their entries.
  if (process.platform === "win32") return;
  const fd = openSync(path, "r");
  try {
    await syncFile(fd);
  } finally {
    closeSync(fd);
  }
}

/**
 * Runs `change`, which creates, renames or removes files of a directory, and makes that durable. The directory is opened
 * first, so that nothing changes if the process is out of file descriptors.
 */
export async function changeEntries(path: string, change: () => Promise<void>): Promise<void> {
  if (process.platform === "win32") return change();
  const fd = openSync(path, "r");
  try {
    await change();
    await syncFile(fd);
  } finally {
    closeSync(fd);
  }
}

/**
 * Creates a file that must not exist yet; `write` fills it. On failure the file is removed, because on a full disk it would
 * use the remaining space, and with a fixed name it would block the next attempt.
 */
async function makeFile<T>(path: string, mode: number, write: (fd: number) => T | Promise<T>): Promise<T> {
  const fd = openSync(path, "wx", mode);
  let isOpen = true;
  try {
    const result = await write(fd);
    isOpen = false;
    closeSync(fd);
    return result;
  } catch (error) {
    if (isOpen) closeQuietly(fd);
    removeQuietly(path);
    throw error;
  }
}

/** Creates a file that must not exist yet and syncs its bytes; on failure there is no file. The caller syncs the directory. */
export function writeSynced(path: string, bytes: Uint8Array, mode = 0o644): Promise<void> {
  return makeFile(path, mode, (fd) => writeAndSync(fd, bytes));
}

/** Writes a file from its beginning and syncs it. */
export function writeAndSync(fd: number, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
  return syncFile(fd);
}

/** Replaces a file atomically and durably: after a crash it has either the old bytes or the new ones. */
export async function replaceFile(path: string, bytes: Uint8Array, mode = 0o644): Promise<void> {
  await replaceBy(`${path}.new`, path, bytes, mode);
}

/** Like `replaceFile`, with the given path for the temporary file. */
export async function replaceBy(
  temporary: string,
  path: string,
  bytes: Uint8Array,
  mode = 0o644,
): Promise<void> {
  removeFile(temporary);
  await writeSynced(temporary, bytes, mode);
  moveOrRemove(temporary, path);
  await syncDirectory(dirname(path));
}

/** Renames a temporary file, or removes it if that fails. */
export function moveOrRemove(temporary: string, path: string): void {
  try {
    renameSync(temporary, path);
  } catch (error) {
    removeQuietly(temporary);
    throw error;
  }
}

/** Removes a file if it exists. Throws the real error code (`rmSync` reports every I/O error as EFAULT). */
export function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

/** Removes a file while another error is handled; returns false instead of throwing. */
export function removeQuietly(path: string): boolean {
  try {
    removeFile(path);
    return true;
  } catch {
    return false;
  }
}

function closeQuietly(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // The descriptor is released even if close fails.
  }
}
