import { readFileSync, statSync } from "node:fs";
import { isMissingFile } from "../../primitives/fs/files.ts";
import { PeriodicSave } from "../../primitives/jobs/periodic-save.ts";
import type { Logger } from "../../primitives/logging/logger.ts";
import { isRecord } from "../../primitives/text/records.ts";
import { parseUserName, type UserName } from "../../primitives/users/user.ts";
import { ConsoleHistory } from "./console-history.ts";

/** More than the longest histories of the most users that are kept, in JSON. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;

/** Saves `ConsoleHistory` in a private file. It is no part of any store: what was typed is nobody else's business. */
export class ConsoleHistoryFile {
  readonly history: ConsoleHistory;
  readonly #file: PeriodicSave;

  /** A file that can't be read counts as empty. */
  constructor(path: string, log: Logger) {
    this.history = new ConsoleHistory(read(path, log), () => this.#file.changed());
    const encode = () => Buffer.from(`${JSON.stringify(Object.fromEntries(this.history.entries()))}\n`);
    this.#file = new PeriodicSave(path, encode, log);
  }

  /** Forgets all users but these, in the file too. */
  async keepOnly(isKept: (user: UserName) => boolean): Promise<void> {
    if (this.history.keepOnly(isKept)) await this.#file.save();
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

function read(path: string, log: Logger): (readonly [UserName, readonly string[]])[] {
  try {
    if (statSync(path).size > MAX_FILE_BYTES) throw new Error("it is too long");
    const entries: unknown = JSON.parse(readFileSync(path, "utf8"));
    if (!isRecord(entries)) throw new Error("it is not an object");
    return Object.entries(entries).flatMap(([login, lines]) => {
      const user = parseUserName(login);
      return user && isTexts(lines) ? [[user, lines] as const] : [];
    });
  } catch (error) {
    if (!isMissingFile(error)) log.warn(`${path} can't be read and is replaced by an empty one: ${error}`);
    return [];
  }
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((text) => typeof text === "string");
}
