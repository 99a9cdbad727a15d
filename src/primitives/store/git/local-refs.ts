import { closeSync, openSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { syncDirectory, writeSynced } from "../durable.ts";
import { isMissingFile, isSystemError } from "../files.ts";
import type { RefStore } from "../objects.ts";
import { CorruptObjectError } from "./object.ts";
import { type ObjectId, parseObjectId } from "./object-id.ts";
import { parsePackedRefs } from "./packed-refs.ts";

/** Refs as files of a Git repository, under the same `.lock` protocol as stock git. */
export class LocalRefs implements RefStore {
  readonly #gitDir: string;

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

  async compareAndSwap(
    ref: string,
    expected: ObjectId | undefined,
    next: ObjectId,
    ready: Promise<void>,
  ): Promise<boolean> {
    const path = `${this.#gitDir}/${ref}`;
    const lock = `${path}.lock`;
    const [locked, prepared] = await Promise.allSettled([writeSynced(lock, Buffer.from(`${next}\n`)), ready]);
    if (locked.status === "rejected") {
      if (isSystemError(locked.reason, "EEXIST")) return false;
      throw locked.reason;
    }
    if (prepared.status === "rejected" || (await this.read(ref)) !== expected) {
      rmSync(lock);
      if (prepared.status === "rejected") throw prepared.reason;
      return false;
    }
    renameSync(lock, path);
    await syncDirectory(dirname(path));
    return true;
  }

  /** Keeps everybody else (stock git too) from moving the ref; false if somebody else does that now. */
  lock(ref: string): boolean {
    try {
      closeSync(openSync(`${this.#gitDir}/${ref}.lock`, "wx"));
      return true;
    } catch (error) {
      if (isSystemError(error, "EEXIST")) return false;
      throw error;
    }
  }

  unlock(ref: string): void {
    rmSync(`${this.#gitDir}/${ref}.lock`, { force: true });
  }

  /** Points a ref at `next`, durably; for one who holds its lock, and keeps it. */
  async write(ref: string, next: ObjectId): Promise<void> {
    const path = `${this.#gitDir}/${ref}`;
    // Beside the refs, where nobody takes it for one.
    const temporary = `${this.#gitDir}/everlock-ref.new`;
    rmSync(temporary, { force: true });
    await writeSynced(temporary, Buffer.from(`${next}\n`));
    renameSync(temporary, path);
    await syncDirectory(dirname(path));
  }

  /** Removes the lock that a killed process left; only for one who knows that nobody else is writing. */
  breakLock(ref: string): void {
    rmSync(`${this.#gitDir}/${ref}.lock`, { force: true });
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
