import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { resolve } from "node:path";
import { ExpectedError, messageOf } from "../primitives/expected-error.ts";
import { makeDirectory } from "../primitives/fs/durable-directory.ts";
import { FileLock, isHeldByOther } from "../primitives/sqlite/file-lock.ts";
import { resumption, unfinishedCopyIn } from "../primitives/store/engine/local/copy/unfinished-copy.ts";
import { DiskRoom } from "../primitives/store/engine/local/disk-room.ts";
import { storesIn } from "../primitives/store/engine/local/local-engine.ts";
import { markedStorage, markStorage } from "./storage-marker.ts";

/** The data directory is unusable; the message is the one line that the operator sees. */
export class DataDirectoryError extends ExpectedError {
  override readonly name: string = "DataDirectoryError";
  override readonly kind = "unusable";
}

/** Another process has locked the directory. */
export class DirectoryInUseError extends DataDirectoryError {
  override readonly name = "DirectoryInUseError";
}

export interface AcquireOptions {
  /** The name of the directory in messages. */
  readonly what?: "data directory" | "backup" | "export";
  /** Whether an unfinished restore or copy is accepted, as by the command that resumes it. */
  readonly allowsUnfinishedRestore?: boolean;
  /** The object store whose node uses the directory; without it, the directory holds the stores. */
  readonly storage?: string | undefined;
  /** Called with a message when the disk reserve is released or restored. */
  readonly report?: (message: string) => void;
}

const LOCK = "everlock.lock";
const PID = "everlock.pid";

/** Whether a file of a data directory belongs to its lock. */
export function isLockFile(name: string): boolean {
  return name === PID || name === LOCK || name.startsWith(`${LOCK}-`);
}

/** A data directory, locked for this process until `release`. */
export class DataDirectory {
  readonly path: string;
  readonly #lock: FileLock;
  readonly #storage: string | undefined;

  private constructor(path: string, lock: FileLock, storage: string | undefined) {
    this.path = path;
    this.#lock = lock;
    this.#storage = storage;
  }

  /** Creates the directory if missing, accessible only to the user who runs the server. Throws `DataDirectoryError`. */
  static acquire(dir: string, options: AcquireOptions = {}): DataDirectory {
    const { what = "data directory", report = () => undefined } = options;
    const { allowsUnfinishedRestore = what !== "data directory" } = options;
    const path = resolve(dir);
    try {
      if (!existsSync(path) && lstatSync(path, { throwIfNoEntry: false }))
        throw new Error("it is a link that leads to nothing");
      makeDirectory(path, 0o700);
      if (!statSync(path).isDirectory()) throw new Error("it is not a directory");
      protect(path, what, report);
    } catch (error) {
      if (error instanceof DataDirectoryError) throw error;
      throw new DataDirectoryError(`can't use the ${what} ${path}: ${messageOf(error)}`);
    }
    // Opening the stores writes a few bytes, even on a full disk.
    if (what === "data directory") new DiskRoom(path, report).relieve();
    const directory = new DataDirectory(path, takeLock(path, what), options.storage);
    const refusal = otherStorage(path, options.storage);
    if (refusal !== undefined) {
      directory.release();
      throw new DataDirectoryError(refusal);
    }
    const unfinished = allowsUnfinishedRestore ? undefined : unfinishedCopyIn(path);
    if (unfinished) {
      directory.release();
      const what = unfinished.by === "storage copy" ? `a copy of ${unfinished.from}` : "a restore";
      throw new DataDirectoryError(
        `the data directory ${path} holds ${what} that is not finished; '${resumption(unfinished, path)}' resumes it`,
      );
    }
    notePid(path);
    return directory;
  }

  /** See `OwnDirectory`. */
  async claim(identity: string): Promise<void> {
    const storage = this.#storage ?? "";
    const known = markedStorage(this.path)?.identity;
    if (known !== undefined && known !== identity)
      throw new DataDirectoryError(
        `the data directory ${this.path} belongs to a node of what was in ${storage} before; remove it, or use another --data-dir`,
      );
    await markStorage(this.path, { storage, identity });
  }

  release(): void {
    this.#lock.release();
  }
}

/** Why a directory can't be used for a storage, an object store or the directory itself (`undefined`). */
function otherStorage(path: string, wanted: string | undefined): string | undefined {
  const marked = markedStorage(path)?.storage;
  if (marked === wanted) return undefined;
  if (marked !== undefined) {
    const remedy =
      wanted === undefined
        ? `it holds no stores; give --storage ${marked}, or use another --data-dir`
        : `use another --data-dir for ${wanted}`;
    return `the data directory ${path} belongs to a node of ${marked}: ${remedy}`;
  }
  const [store] = storesIn(path);
  return (
    store &&
    `the data directory ${path} holds stores of its own, such as '${store}'; use another --data-dir for ${wanted}`
  );
}

const READ_AND_WRITE = constants.R_OK | constants.W_OK | constants.X_OK;

/**
 * Makes the directory private. One of another user, such as a Kubernetes volume of a group, is taken as it is, and the files
 * that are made in it are private to this user and its group.
 */
function protect(path: string, what: string, report: (message: string) => void): void {
  const { uid, gid, mode } = statSync(path);
  const user = process.geteuid?.();
  if (user === undefined || user === uid) {
    const names = readdirSync(path);
    const isOfOthers = !names.includes(LOCK) && names.some((name) => name !== "lost+found");
    if (isOfOthers && mode & 0o077)
      report(
        `the ${what} ${path}, which holds other files too, is now closed to all other users (mode 0700)`,
      );
    chmodSync(path, 0o700);
    accessSync(path, READ_AND_WRITE);
    return;
  }
  const permissions = (mode & 0o7777).toString(8).padStart(4, "0");
  const fail = (reason: string): never => {
    throw new DataDirectoryError(`can't use the ${what} ${path}: ${reason}`);
  };
  if (mode & 0o002) fail(`every user can write to it (mode ${permissions}); run 'chmod o-w ${path}'`);
  process.umask(0o007);
  try {
    accessSync(path, READ_AND_WRITE);
  } catch {
    fail(
      `it belongs to user ${uid} and group ${gid} (mode ${permissions}), and user ${user} with group ${process.getegid?.()} can't write to it; run 'chown -R ${user} ${path}', or let the group write`,
    );
  }
  if (user === 0)
    report(
      `root uses the ${what} ${path} of user ${uid}, who will not be able to use the files that root makes`,
    );
}

function takeLock(path: string, what: string): FileLock {
  try {
    return new FileLock(`${path}/${LOCK}`);
  } catch (error) {
    if (isHeldByOther(error)) {
      throw new DirectoryInUseError(
        `the ${what} ${path} is in use by another ${what === "data directory" ? "server" : "command"}${otherProcess(path)}`,
      );
    }
    throw new DataDirectoryError(`can't lock the ${what} ${path}: ${messageOf(error)}`);
  }
}

/** Records the process id for the error message of another process. A failure, as on a full disk, is ignored. */
function notePid(path: string): void {
  try {
    rmSync(`${path}/${PID}`, { force: true });
    // Through no link: root may lock a directory that another user can change.
    writeFileSync(`${path}/${PID}`, `${process.pid}\n`, { mode: 0o600, flag: "wx" });
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
