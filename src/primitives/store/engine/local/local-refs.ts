import { closeSync, openSync, readFileSync, renameSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { removeFile, removeQuietly, replaceBy, syncDirectory, writeAndSync } from "../../../fs/durable.ts";
import { isMissingFile, isSystemError } from "../../../fs/files.ts";
import { CorruptObjectError } from "../../git/object.ts";
import { type ObjectId, parseObjectId } from "../../git/object-id.ts";
import { parsePackedRefs } from "../../git/packed-refs.ts";

/** Refs as files of a Git repository, under the same `.lock` protocol as stock git. */
export class LocalRefs {
  readonly #gitDir: string;
  /** Refs whose lock is there because we could not remove it, and the file that it is. */
  readonly #abandoned = new Map<string, number | undefined>();

  constructor(gitDir: string) {
    this.#gitDir = gitDir;
  }

  async read(ref: string): Promise<ObjectId | undefined> {
    const text = this.#readText(ref);
    if (text === undefined) return this.#readPacked(ref);
    const id = parseObjectId(text.trim());
    if (!id) throw new CorruptObjectError(`${this.#gitDir}/${ref}`, "it holds no object id");
    return id;
  }

  /**
   * Points `ref` at `next` if it still is `expected` (`undefined`: does not exist), durably, once `ready` has resolved.
   * Answers false, and changes nothing, if it is something else by now.
   */
  async compareAndSwap(
    ref: string,
    expected: ObjectId | undefined,
    next: ObjectId,
    ready: Promise<void>,
  ): Promise<boolean> {
    const path = `${this.#gitDir}/${ref}`;
    const [locked, prepared] = await Promise.allSettled([this.#lockWith(ref, `${next}\n`), ready]);
    if (locked.status === "rejected") throw locked.reason;
    if (!locked.value) return false;
    let isMoved = false;
    try {
      if (prepared.status === "rejected") throw prepared.reason;
      if ((await this.read(ref)) !== expected) return false;
      renameSync(`${path}.lock`, path);
      isMoved = true;
    } finally {
      if (!isMoved) this.unlock(ref);
    }
    await syncDirectory(dirname(path));
    return true;
  }

  /** Keeps all other processes (stock git too) from moving the ref; false if one of them does that now. */
  lock(ref: string): boolean {
    const fd = this.#openLock(ref);
    if (fd !== undefined) closeSync(fd);
    return fd !== undefined;
  }

  /** Never throws: a lock that can't be removed is known as ours, and the next one who locks takes it over. */
  unlock(ref: string): void {
    const path = this.#lockPath(ref);
    if (!removeQuietly(path)) this.#abandoned.set(ref, inodeOf(path));
  }

  /**
   * Points a ref at `next`, durably; for one who holds its lock, and keeps it. Where that fails the ref may point there
   * all the same, but not durably.
   */
  async write(ref: string, next: ObjectId): Promise<void> {
    // Beside the refs, where nobody takes it for one.
    await replaceBy(`${this.#gitDir}/everlock-ref.new`, `${this.#gitDir}/${ref}`, Buffer.from(`${next}\n`));
  }

  /** Removes the lock that a killed process left; only for one who knows that nobody else is writing. */
  breakLock(ref: string): void {
    removeFile(this.#lockPath(ref));
  }

  #lockPath(ref: string): string {
    return `${this.#gitDir}/${ref}.lock`;
  }

  async #lockWith(ref: string, content: string): Promise<boolean> {
    const fd = this.#openLock(ref);
    if (fd === undefined) return false;
    try {
      await writeAndSync(fd, Buffer.from(content));
      return true;
    } catch (error) {
      this.unlock(ref);
      throw error;
    } finally {
      closeSync(fd);
    }
  }

  /** A new lock of ours, `undefined` if another process has it. */
  #openLock(ref: string): number | undefined {
    this.#removeAbandoned(ref);
    try {
      return openSync(this.#lockPath(ref), "wx");
    } catch (error) {
      if (isSystemError(error, "EEXIST")) return undefined;
      throw error;
    }
  }

  #removeAbandoned(ref: string): void {
    if (!this.#abandoned.has(ref)) return;
    const path = this.#lockPath(ref);
    // Removed by hand meanwhile, it may be another process's by now.
    const inode = inodeOf(path);
    if (inode !== undefined && inode === this.#abandoned.get(ref)) removeFile(path);
    this.#abandoned.delete(ref);
  }

  /** `git gc` moves refs into one file. */
  #readPacked(ref: string): ObjectId | undefined {
    const text = this.#readText("packed-refs");
    return text === undefined ? undefined : parsePackedRefs(text, `${this.#gitDir}/packed-refs`).get(ref);
  }

  #readText(name: string): string | undefined {
    try {
      return readFileSync(`${this.#gitDir}/${name}`, "utf8");
    } catch (error) {
      if (isMissingFile(error)) return undefined;
      throw error;
    }
  }
}

/** `undefined` where nothing is, or can be seen. */
function inodeOf(path: string): number | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })?.ino;
  } catch {
    return undefined;
  }
}
