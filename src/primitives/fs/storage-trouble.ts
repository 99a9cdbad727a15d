import { ExpectedError } from "../expected-error.ts";
/** Why nothing can be stored (or read) for now: what an operator has to mend, and no bug. */
export type StorageTrouble = "no-room" | "read-only" | "failing" | "no-descriptors" | "locked";

const WORDS: Readonly<Record<StorageTrouble, string>> = {
  "no-room": "there is no room on the disk; deleting works, and storing again as soon as there is room",
  "read-only": "the disk can't be written to: its file system is read-only",
  failing: "the disk fails: reading or writing gave an I/O error",
  "no-descriptors": "the server has no file descriptors left",
  locked: "the store is locked by another process",
};

/** Codes of system calls, of SQLite and of ours. */
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
/** An error may have others as its cause; more than these are not looked at. */
const MAX_CAUSES = 5;

/** What stopped `error` from being a success, if that is a trouble of the storage; also of an error of another thread. */
export function storageTroubleOf(error: unknown): StorageTrouble | undefined {
  for (const { code } of causesOf(error)) {
    if (typeof code !== "string") continue;
    // SQLite says more than we need: SQLITE_IOERR_WRITE and its like.
    const known = CODES.get(code) ?? CODES.get(code.split("_").slice(0, 2).join("_"));
    if (known) return known;
  }
  return undefined;
}

/** An error and its causes, the nearest first, with the code that system calls and SQLite give theirs. */
export function causesOf(error: unknown): readonly (Error & { readonly code?: unknown })[] {
  const causes: Error[] = [];
  for (let current = error; causes.length < MAX_CAUSES && current instanceof Error; current = current.cause)
    causes.push(current);
  return causes;
}

/** In words for an operator or a client. */
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
      `the branch ${ref} is locked by another process; where none is writing, a killed one has left the file ${ref}.lock, which may be removed`,
    );
  }
}
