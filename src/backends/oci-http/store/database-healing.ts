import { failureOf } from "../../../primitives/errors/failure.ts";
import type { Logger } from "../../../primitives/logging/logger.ts";

/** Pause (ms) between replacements: a database damaged again this soon is on a failing disk, and another rebuild won't help. */
const PAUSE_MS = 60_000;

/** Replaces damaged databases of a store in the background, one at a time, with a pause after each. */
export class DatabaseHealing {
  readonly #store: string;
  readonly #signal: AbortSignal;
  readonly #log: Logger;
  #isUnderWay = false;
  #ended = Number.NEGATIVE_INFINITY;

  /** `signal` is aborted when the store closes. */
  constructor(store: string, signal: AbortSignal, log: Logger) {
    this.#store = store;
    this.#signal = signal;
    this.#log = log;
  }

  /** Starts a replacement, unless another is running or ended less than `PAUSE_MS` ago. */
  begin(replace: () => Promise<void>): void {
    if (this.#isUnderWay || this.#signal.aborted || performance.now() - this.#ended < PAUSE_MS) return;
    this.#isUnderWay = true;
    replace()
      .catch((error) => this.#report(error))
      .finally(() => {
        this.#ended = performance.now();
        this.#isUnderWay = false;
      });
  }

  #report(error: unknown): void {
    if (this.#signal.aborted) return;
    const { kind, words } = failureOf(error);
    if (kind !== "storage")
      this.#log.error(`a database of the store '${this.#store}' could not be replaced`, error);
    else
      this.#log.warn(
        `a database of the store '${this.#store}' can't be read or replaced for now, and stays as it is: ${words}`,
      );
  }
}
