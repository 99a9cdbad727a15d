import { readFileSync } from "node:fs";
import { isMissingFile } from "../fs/files.ts";
import { PeriodicSave } from "../jobs/periodic-save.ts";
import type { Logger } from "../logging/logger.ts";
import { type ApiTokenId, parseApiTokenId } from "./api-token.ts";

/** The time of each API token's last use, in a file beside the stores, because it is not worth a commit. */
export class TokenUses {
  readonly #seconds: Map<ApiTokenId, number>;
  readonly #file: PeriodicSave;

  /** A file that can't be read counts as empty. */
  constructor(path: string, log: Logger) {
    this.#seconds = read(path, log);
    const encode = () => Buffer.from(`${JSON.stringify(Object.fromEntries(this.#seconds))}\n`);
    this.#file = new PeriodicSave(path, encode, log);
  }

  note(id: ApiTokenId): void {
    this.#seconds.set(id, Math.floor(Date.now() / 1000));
    this.#file.changed();
  }

  /** In seconds since the epoch; `undefined` if the token was never used. */
  lastUse(id: ApiTokenId): number | undefined {
    return this.#seconds.get(id);
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

function read(path: string, log: Logger): Map<ApiTokenId, number> {
  try {
    const entries = Object.entries(JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>);
    return new Map(
      entries.flatMap(([text, seconds]): [ApiTokenId, number][] => {
        const id = parseApiTokenId(text);
        return id && typeof seconds === "number" ? [[id, seconds]] : [];
      }),
    );
  } catch (error) {
    if (!isMissingFile(error)) log.warn(`${path} can't be read and is replaced by an empty one: ${error}`);
    return new Map();
  }
}
