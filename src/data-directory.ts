import { Database } from "bun:sqlite";
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { resolve } from "node:path";

/** The data directory can't be used; the message is the one line that the operator sees. */
export class DataDirectoryError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "DataDirectoryError";
  }
}

/** A data directory that this process alone may use until it is released. */
export class DataDirectory {
  readonly path: string;
  readonly #lock: Database;

  private constructor(path: string, lock: Database) {
    this.path = path;
    this.#lock = lock;
  }

  /** Makes it if it does not exist, private to the user who runs the server. Throws `DataDirectoryError`. */
  static acquire(dir: string): DataDirectory {
    const path = resolve(dir);
    try {
      if (!existsSync(path)) mkdirSync(path, { recursive: true, mode: 0o700 });
      if (!statSync(path).isDirectory()) throw new Error("it is not a directory");
      chmodSync(path, 0o700);
      accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
    } catch (error) {
      throw new DataDirectoryError(`can't use the data directory ${path}: ${reason(error)}`);
    }
    const lock = takeLock(path);
    writeFileSync(`${path}/everlock.pid`, `${process.pid}\n`, { mode: 0o600 });
    return new DataDirectory(path, lock);
  }

  release(): void {
    this.#lock.close();
  }
}

/** An SQLite transaction that stays open: a lock on every platform, which the system releases if the process dies. */
function takeLock(path: string): Database {
  let lock: Database | undefined;
  try {
    lock = new Database(`${path}/everlock.lock`, { create: true });
    lock.run("PRAGMA locking_mode = EXCLUSIVE");
    lock.run("BEGIN EXCLUSIVE");
    return lock;
  } catch (error) {
    lock?.close();
    if (/locked|busy/i.test(reason(error))) {
      throw new DataDirectoryError(
        `the data directory ${path} is in use by another server${otherProcess(path)}`,
      );
    }
    throw new DataDirectoryError(`can't lock the data directory ${path}: ${reason(error)}`);
  }
}

function otherProcess(path: string): string {
  try {
    return ` (process ${readFileSync(`${path}/everlock.pid`, "utf8").trim()})`;
  } catch {
    return "";
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
