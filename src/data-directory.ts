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
import { DiskRoom } from "./primitives/store/disk-room.ts";
import { storageTroubleOf } from "./primitives/store/storage-trouble.ts";

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

  /** `report` hears what is done to it besides. Makes it if it does not exist, private to the user who runs the server. Throws `DataDirectoryError`. */
  static acquire(dir: string, report: (message: string) => void = () => undefined): DataDirectory {
    const path = resolve(dir);
    try {
      if (!existsSync(path)) mkdirSync(path, { recursive: true, mode: 0o700 });
      if (!statSync(path).isDirectory()) throw new Error("it is not a directory");
      chmodSync(path, 0o700);
      accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
    } catch (error) {
      throw new DataDirectoryError(`can't use the data directory ${path}: ${reason(error)}`);
    }
    // Whoever opens the stores writes a little, on a full disk as well.
    new DiskRoom(path, report).relieve();
    const lock = takeLock(path);
    try {
      writeFileSync(`${path}/everlock.pid`, `${process.pid}\n`, { mode: 0o600 });
    } catch (error) {
      // It only helps to name the process that holds the lock.
      if (storageTroubleOf(error) === undefined) throw error;
    }
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
