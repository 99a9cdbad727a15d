import { Database } from "bun:sqlite";

/** Locks a file against other processes with an open transaction, which the kernel ends if the process dies. */
export class FileLock {
  readonly #db: Database;

  /** Throws if another process holds the lock (see `isHeldByOther`), or the file can't be created. */
  constructor(path: string) {
    this.#db = new Database(path, { create: true });
    try {
      this.#db.run("PRAGMA locking_mode = EXCLUSIVE");
      // Otherwise SQLite writes a journal, which fails on a full disk.
      this.#db.run("PRAGMA journal_mode = MEMORY");
      this.#db.run("BEGIN EXCLUSIVE");
    } catch (error) {
      this.#db.close();
      throw error;
    }
  }

  release(): void {
    this.#db.close();
  }
}

/** Whether the error of a `FileLock` means that another process holds it. */
export function isHeldByOther(error: unknown): boolean {
  return error instanceof Error && /locked|busy/i.test(error.message);
}
