import { Database } from "bun:sqlite";
import { existsSync, renameSync, rmSync, statSync } from "node:fs";
import { assertReadable, damageIn } from "./database-damage.ts";

/** The path of a database in memory. */
export const MEMORY = ":memory:";

/** The suffixes of the files of a database. */
const SUFFIXES = ["", "-wal", "-shm"];

/** Files up to this size are checked completely at startup, which takes a few milliseconds. */
const MAX_CHECKED_BYTES = 256 * 1024;

/** Maximal time that a snapshot waits for a writer. */
const SNAPSHOT_BUSY_MS = 30_000;

export function isSmall(path: string): boolean {
  const size = SUFFIXES.reduce(
    (sum, suffix) => sum + (statSync(path + suffix, { throwIfNoEntry: false })?.size ?? 0),
    0,
  );
  return size <= MAX_CHECKED_BYTES;
}

/** Opens a file with derived data. A damaged one is reported, removed and opened again, empty. */
export function openOrRemove<T>(path: string, open: () => T, report: (reason: string) => void): T {
  try {
    return open();
  } catch (error) {
    const reason = damageIn(error);
    if (reason === undefined) throw error;
    assertReadable(path);
    report(reason);
    removeDatabase(path);
    return open();
  }
}

export function removeDatabase(path: string): void {
  for (const suffix of SUFFIXES) rmSync(path + suffix, { force: true });
}

/** Replaces one database with another; neither may be open. After a crash, the same call completes it. */
export function renameDatabase(from: string, to: string): void {
  if (existsSync(to)) for (const suffix of SUFFIXES.toReversed()) rmSync(to + suffix, { force: true });
  // The log first: SQLite ignores a log without its database file.
  for (const suffix of SUFFIXES.toReversed())
    if (existsSync(from + suffix)) renameSync(from + suffix, to + suffix);
}

/** Copies a consistent snapshot of a database to a new file without a log, while others may write to it. */
export function snapshotDatabase(source: string, target: string): void {
  const db = new Database(source, { readwrite: true, create: false });
  try {
    db.run(`PRAGMA busy_timeout = ${SNAPSHOT_BUSY_MS}`);
    db.run("VACUUM INTO ?", [target]);
  } finally {
    db.close();
  }
}
