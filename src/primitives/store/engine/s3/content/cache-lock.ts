import { ExpectedError, messageOf } from "../../../../expected-error.ts";
import { FileLock, isHeldByOther } from "../../../../sqlite/file-lock.ts";

/** Locks a cache directory for this process. Throws `ExpectedError`. */
export function lockCache(dir: string): FileLock {
  try {
    return new FileLock(`${dir}/everlock.lock`);
  } catch (cause) {
    const reason = isHeldByOther(cause)
      ? "is used by another server; give each node one of its own"
      : `can't be locked: ${messageOf(cause)}`;
    throw new ExpectedError(`the cache directory ${dir} ${reason}`, { kind: "unusable", cause });
  }
}
