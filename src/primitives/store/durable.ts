import { closeSync, fdatasync, fsync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";

/** Waits until what was written through `fd` would survive a power cut, off the event loop. */
export const syncFile: (fd: number) => Promise<void> = promisify(fsync);

/** Like `syncFile`, but only as much metadata as reading the bytes back needs. */
export const syncFileData: (fd: number) => Promise<void> = promisify(fdatasync);

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

/** Writes a file that must not exist yet and syncs its bytes; its directory entry is the caller's to sync. */
export async function writeSynced(path: string, bytes: Uint8Array, mode = 0o644): Promise<void> {
  const fd = openSync(path, "wx", mode);
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    await syncFile(fd);
  } finally {
    closeSync(fd);
  }
}

/** Replaces `path` as a whole: after a crash it holds either the old bytes or the new ones. */
export async function replaceFile(path: string, bytes: Uint8Array, mode = 0o644): Promise<void> {
  const temporary = `${path}.new`;
  rmSync(temporary, { force: true });
  await writeSynced(temporary, bytes, mode);
  renameSync(temporary, path);
  await syncDirectory(dirname(path));
}
