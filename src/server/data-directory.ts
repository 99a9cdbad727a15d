import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { resolve } from "node:path";
import { ExpectedError, messageOf } from "../primitives/expected-error.ts";
import { makeDirectory } from "../primitives/fs/durable-directory.ts";
import { FileLock, isHeldByOther } from "../primitives/sqlite/file-lock.ts";
import { DiskRoom } from "../primitives/store/engine/local/disk-room.ts";

/** The data directory can't be used; the message is the one line that the operator sees. */
export class DataDirectoryError extends ExpectedError {
  override readonly name = "DataDirectoryError";
  override readonly kind = "unusable";
}

export interface AcquireOptions {
  /** For messages. */
  readonly what?: "data directory" | "backup";
  /** Whether it may hold what `restore-backup` has begun, and nothing else may use until it is whole. */
  readonly allowsUnfinishedRestore?: boolean;
  /** Is told what is done to it besides. */
  readonly report?: (message: string) => void;
}

const LOCK = "everlock.lock";
const PID = "everlock.pid";

/** Whether a file of a data directory is there only because a process uses it, or did. */
export function isLockFile(name: string): boolean {
  return name === PID || name === LOCK || name.startsWith(`${LOCK}-`);
}

/** There from the beginning of a restore until all of it is there. */
export function unfinishedRestorePath(dataDir: string): string {
  return `${dataDir}/everlock-restore.json`;
}

/** A data directory that this process alone may use until it is released. */
export class DataDirectory {
  readonly path: string;
  readonly #lock: FileLock;

  private constructor(path: string, lock: FileLock) {
    this.path = path;
    this.#lock = lock;
  }

  /** Makes it if it does not exist, private to the user who runs the server. Throws `DataDirectoryError`. */
  static acquire(dir: string, options: AcquireOptions = {}): DataDirectory {
    const { what = "data directory", report = () => undefined } = options;
    const { allowsUnfinishedRestore = what === "backup" } = options;
    const path = resolve(dir);
    try {
      makeDirectory(path, 0o700);
      if (!statSync(path).isDirectory()) throw new Error("it is not a directory");
      chmodSync(path, 0o700);
      accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
    } catch (error) {
      throw new DataDirectoryError(`can't use the ${what} ${path}: ${messageOf(error)}`);
    }
    // Whoever opens the stores writes a little, on a full disk as well.
    if (what === "data directory") new DiskRoom(path, report).relieve();
    const directory = new DataDirectory(path, takeLock(path, what));
    if (!allowsUnfinishedRestore && existsSync(unfinishedRestorePath(path))) {
      directory.release();
      throw new DataDirectoryError(
        `the data directory ${path} holds a restore that is not finished; 'everlock restore-backup <dir> --data-dir ${path}' goes on with it`,
      );
    }
    notePid(path);
    return directory;
  }

  release(): void {
    this.#lock.release();
  }
}

function takeLock(path: string, what: string): FileLock {
  try {
    return new FileLock(`${path}/${LOCK}`);
  } catch (error) {
    if (isHeldByOther(error)) {
      throw new DataDirectoryError(
        `the ${what} ${path} is in use by another ${what === "backup" ? "command" : "server"}${otherProcess(path)}`,
      );
    }
    throw new DataDirectoryError(`can't lock the ${what} ${path}: ${messageOf(error)}`);
  }
}

/** For the message of whoever comes next, and so nothing that a full disk may keep us from starting for. */
function notePid(path: string): void {
  try {
    writeFileSync(`${path}/${PID}`, `${process.pid}\n`, { mode: 0o600 });
  } catch {
    rmSync(`${path}/${PID}`, { force: true });
  }
}

function otherProcess(path: string): string {
  try {
    const pid = readFileSync(`${path}/${PID}`, "utf8").trim();
    return /^\d+$/.test(pid) ? ` (process ${pid})` : "";
  } catch {
    return "";
  }
}
