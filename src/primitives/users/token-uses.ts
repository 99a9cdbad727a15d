import { readFileSync } from "node:fs";
import type { Logger } from "../logger.ts";
import { replaceFile } from "../store/durable.ts";
import { isMissingFile } from "../store/files.ts";
import { type ApiTokenId, parseApiTokenId } from "./api-token.ts";

/** How often what was used is written down; a crash loses no more than that. */
const SAVE_MS = 60_000;

/** When each API token was last used, in a file beside the stores: a use is no change that a commit should tell. */
export class TokenUses {
  readonly #path: string;
  readonly #log: Logger;
  readonly #seconds: Map<ApiTokenId, number>;
  #isChanged = false;
  #saving: Promise<void> = Promise.resolve();
  readonly #timer: Timer;

  /** A file that can't be read counts as empty. */
  constructor(path: string, log: Logger) {
    this.#path = path;
    this.#log = log;
    this.#seconds = read(path, log);
    this.#timer = setInterval(() => this.#save(), SAVE_MS).unref();
  }

  note(id: ApiTokenId): void {
    this.#seconds.set(id, Math.floor(Date.now() / 1000));
    this.#isChanged = true;
  }

  /** In seconds since the epoch; `undefined` if it was never used. */
  lastUse(id: ApiTokenId): number | undefined {
    return this.#seconds.get(id);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#save();
    await this.#saving;
  }

  #save(): void {
    if (!this.#isChanged) return;
    this.#isChanged = false;
    const bytes = Buffer.from(`${JSON.stringify(Object.fromEntries(this.#seconds))}\n`);
    this.#saving = this.#saving
      .then(() => replaceFile(this.#path, bytes, 0o600))
      .catch((error) => {
        // Tried again with the next save.
        this.#isChanged = true;
        this.#log.error(`${this.#path} can't be written`, error);
      });
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
    if (!isMissingFile(error)) log.warn(`${path} can't be read, and begins as an empty one: ${error}`);
    return new Map();
  }
}
