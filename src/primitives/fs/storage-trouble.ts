import { ExpectedError } from "../expected-error.ts";

/** A failure of the storage that an operator must fix, not a bug. */
export type StorageTrouble = "no-room" | "read-only" | "failing" | "no-descriptors" | "locked";

const WORDS: Readonly<Record<StorageTrouble, string>> = {
  "no-room": "there is no room on the disk; deleting works, and storing again as soon as there is room",
  "read-only": "the disk can't be written to: its file system is read-only",
  failing: "the disk fails: reading or writing gave an I/O error",
  "no-descriptors": "the server has no file descriptors left",
  locked: "the store is locked by another process",
};

/** Error codes of system calls, of SQLite and of Everlock. */
const CODES = new Map<string, StorageTrouble>([
  ["ENOSPC", "no-room"],
  ["EDQUOT", "no-room"],
  ["EFBIG", "no-room"],
  ["SQLITE_FULL", "no-room"],
  ["SQLITE_IOERR_SHMSIZE", "no-room"],
  ["EROFS", "read-only"],
  ["SQLITE_READONLY", "read-only"],
  ["EIO", "failing"],
  ["SQLITE_IOERR", "failing"],
  ["EMFILE", "no-descriptors"],
  ["ENFILE", "no-descriptors"],
  ["SQLITE_CANTOPEN", "no-descriptors"],
  ["EVERLOCK_LOCKED", "locked"],
]);
/** Maximal length of the `cause` chain that is searched. */
const MAX_CAUSES = 5;

/** The storage failure behind an error, if any; also works for errors from other threads. */
export function storageTroubleOf(error: unknown): StorageTrouble | undefined {
  for (const { code } of causesOf(error)) {
    if (typeof code !== "string") continue;
    // SQLite's extended codes, such as SQLITE_IOERR_WRITE, count as their primary code.
    const known = CODES.get(code) ?? CODES.get(code.split("_").slice(0, 2).join("_"));
    if (known) return known;
  }
  return undefined;
}

/** An error and its causes, outermost first; errors of system calls and SQLite have a `code`. */
export function causesOf(error: unknown): readonly (Error & { readonly code?: unknown })[] {
  const causes: Error[] = [];
  for (let current = error; causes.length < MAX_CAUSES && current instanceof Error; current = current.cause)
    causes.push(current);
  return causes;
}

/** A message for an operator or a client. */
export function describeStorageTrouble(trouble: StorageTrouble): string {
  return WORDS[trouble];
}

/** Another process keeps the lock of a branch. */
export class BranchLockedError extends ExpectedError {
  override readonly name = "BranchLockedError";
  override readonly kind = "busy";
  readonly code = "EVERLOCK_LOCKED";

  constructor(ref: string) {
    super(
      `the branch ${ref} is locked by another process; if none is writing, a killed process left ${ref}.lock behind, which may be removed`,
    );
  }
}
