import { closeSync, fdatasync, fsync, fsyncSync, openSync, renameSync, unlinkSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";

/** Waits until what was written through `fd` would survive a power cut, off the event loop. */
export const syncFile: (fd: number) => Promise<void> = promisify(fsync);

/** Like `syncFile`, but only as much metadata as reading the bytes back needs. */
export const syncFileData: (fd: number) => Promise<void> = promisify(fdatasync);

/** Like `syncFile`, of a closed file. */
export async function syncFileAt(path: string): Promise<void> {
  const fd = openSync(path, "r+");
  try {
    await syncFile(fd);
  } finally {
    closeSync(fd);
  }
}

/** Like `syncFileAt`, for what must not be interrupted; the thread waits for the disk. */
export function syncFileBlocking(path: string): void {
  const fd = openSync(path, "r+");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Waits until the entries of a directory (files created, renamed or removed in it) would survive a power cut. */
export async function syncDirectory(path: string): Promise<void> {
  // Windows can neither open a directory nor needs to: NTFS journals its entries.
  if (process.platform === "win32") return;
  const fd = openSync(path, "r");
  try {
    await syncFile(fd);
  } finally {
    closeSync(fd);
  }
}

/**
 * Runs `change`, which creates, renames or removes files of a directory, and waits until that would survive a power cut.
 * Nothing is changed where there is no descriptor left to wait by.
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
 * Makes a file that must not exist yet, which `write` fills. If that fails, the file is removed again: on a full disk it
 * would take what is left, and under a fixed name it would stand in the way of the next try.
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

/** Writes a file that must not exist yet and syncs its bytes, or leaves none; its directory entry is the caller's to sync. */
export function writeSynced(path: string, bytes: Uint8Array, mode = 0o644): Promise<void> {
  return makeFile(path, mode, (fd) => writeAndSync(fd, bytes));
}

/** Writes a file from its beginning and syncs it. */
export function writeAndSync(fd: number, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
  return syncFile(fd);
}

/** Replaces `path` as a whole: after a crash it holds either the old bytes or the new ones. */
export async function replaceFile(path: string, bytes: Uint8Array, mode = 0o644): Promise<void> {
  await replaceBy(`${path}.new`, path, bytes, mode);
}

/** Like `replaceFile`, by a temporary file of that name. */
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

/** Removes a file if it is there, and says truly why it can't be (`rmSync` tells EFAULT of every I/O error). */
export function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

/** For what is left of something that failed: why it failed is what counts. False if it is still there. */
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
    // The descriptor is gone all the same.
  }
}
