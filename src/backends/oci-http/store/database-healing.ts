import { failureOf } from "../../../primitives/errors/failure.ts";
import type { Logger } from "../../../primitives/logging/logger.ts";

/** What is damaged again so soon (ms) lies on a disk where building it once more is of no use. */
const PAUSE_MS = 60_000;

/** Has the damaged databases of a store replaced: one at a time, beside the requests, and not again at once. */
export class DatabaseHealing {
  readonly #store: string;
  readonly #signal: AbortSignal;
  readonly #log: Logger;
  #isUnderWay = false;
  #ended = Number.NEGATIVE_INFINITY;

  /** `signal` is aborted when the store is to be closed. */
  constructor(store: string, signal: AbortSignal, log: Logger) {
    this.#store = store;
    this.#signal = signal;
    this.#log = log;
  }

  /** Does nothing while another replacement is under way, or shortly after it. */
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
