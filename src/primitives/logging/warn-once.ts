import type { Logger } from "./logger.ts";

/** Logs each warning only once in the lifetime of the process. */
export class WarnOnce {
  readonly #log: Pick<Logger, "warn">;
  readonly #topics = new Set<string>();

  constructor(log: Pick<Logger, "warn">) {
    this.#log = log;
  }

  /** `topic` is one of a few. */
  warn(topic: string, message: string): void {
    if (this.#topics.has(topic)) return;
    this.#topics.add(topic);
    this.#log.warn(message);
  }
}
