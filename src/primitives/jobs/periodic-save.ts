import { replaceFile } from "../fs/durable.ts";
import type { Logger } from "../logging/logger.ts";

/** How often what is new is written; a crash loses no more than that. */
const SAVE_MS = 60_000;

/** Keeps a private file up to date with what is in memory, for what is no loss if a crash takes the last minute of it. */
export class PeriodicSave {
  readonly #path: string;
  readonly #encode: () => Uint8Array;
  readonly #log: Pick<Logger, "error">;
  readonly #timer: Timer;
  #isChanged = false;
  #saving: Promise<void> = Promise.resolve();

  /** `encode` answers what the file is to hold. */
  constructor(path: string, encode: () => Uint8Array, log: Pick<Logger, "error">) {
    this.#path = path;
    this.#encode = encode;
    this.#log = log;
    this.#timer = setInterval(() => this.save(), SAVE_MS).unref();
  }

  /** To be called after each change. */
  changed(): void {
    this.#isChanged = true;
  }

  /** Writes the file if anything has changed; what can't be written is reported, and tried again by the next save. */
  save(): Promise<void> {
    if (!this.#isChanged) return this.#saving;
    this.#isChanged = false;
    const bytes = this.#encode();
    this.#saving = this.#saving
      .then(() => replaceFile(this.#path, bytes, 0o600))
      .catch((error) => {
        this.#isChanged = true;
        this.#log.error(`${this.#path} can't be written`, error);
      });
    return this.#saving;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.save();
  }
}
