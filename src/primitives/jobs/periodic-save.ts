import { replaceFile } from "../fs/durable.ts";
import type { Logger } from "../logging/logger.ts";

/** Interval of saves; a crash loses at most the changes of this time. */
const SAVE_MS = 60_000;

/** Saves state in memory to a private file every minute, for state of which a crash may lose the last minute. */
export class PeriodicSave {
  readonly #path: string;
  readonly #encode: () => Uint8Array;
  readonly #log: Pick<Logger, "error">;
  readonly #timer: Timer;
  #isChanged = false;
  #saving: Promise<void> = Promise.resolve();

  /** `encode` returns the file's new content. */
  constructor(path: string, encode: () => Uint8Array, log: Pick<Logger, "error">) {
    this.#path = path;
    this.#encode = encode;
    this.#log = log;
    this.#timer = setInterval(() => this.save(), SAVE_MS).unref();
  }

  /** Call this after each change. */
  changed(): void {
    this.#isChanged = true;
  }

  /** Writes the file if anything has changed. An error is logged, and the next save tries again. */
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
