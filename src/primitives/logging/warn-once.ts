import type { Logger } from "./logger.ts";

/** Warnings of things that come again and again, each told once for as long as the program runs. */
export class WarnOnce {
  readonly #log: Pick<Logger, "warn">;
  readonly #told = new Set<string>();

  constructor(log: Pick<Logger, "warn">) {
    this.#log = log;
  }

  /** `topic` is one of a few. */
  warn(topic: string, message: string): void {
    if (this.#told.has(topic)) return;
    this.#told.add(topic);
    this.#log.warn(message);
  }
}
