import { Database } from "bun:sqlite";
import { existsSync, renameSync, rmSync, statSync } from "node:fs";
import { assertReadable, damageIn } from "./database-damage.ts";

/** The path of a database that lies in memory. */
export const MEMORY = ":memory:";

/** The files of a database, by what SQLite appends to its name. */
const SUFFIXES = ["", "-wal", "-shm"];

/** Up to this size a file is looked through whole at the start, which takes some milliseconds. */
const MAX_CHECKED_BYTES = 256 * 1024;

/** A snapshot may wait so long for a writer. */
const SNAPSHOT_BUSY_MS = 30_000;

export function isSmall(path: string): boolean {
  const size = SUFFIXES.reduce(
    (sum, suffix) => sum + (statSync(path + suffix, { throwIfNoEntry: false })?.size ?? 0),
    0,
  );
  return size <= MAX_CHECKED_BYTES;
}

/** Opens a file that can be derived again; one that is damaged is reported and removed, and opened again, empty. */
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

/** Neither may be open. After a crash in the middle, the same call completes it. */
export function renameDatabase(from: string, to: string): void {
  if (existsSync(to)) for (const suffix of SUFFIXES.toReversed()) rmSync(to + suffix, { force: true });
  // The log first: SQLite reads none without the file itself.
  for (const suffix of SUFFIXES.toReversed())
    if (existsSync(from + suffix)) renameSync(from + suffix, to + suffix);
}

/** Copies a database as it is at one moment, while others write to it, into one new file without a log. */
export function snapshotDatabase(source: string, target: string): void {
  const db = new Database(source, { readwrite: true, create: false });
  try {
    db.run(`PRAGMA busy_timeout = ${SNAPSHOT_BUSY_MS}`);
    db.run("VACUUM INTO ?", [target]);
  } finally {
    db.close();
  }
}
