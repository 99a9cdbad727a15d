/** After a longer turn, the thread is left to other work for as long as the turn took. */
const SHORT_MS = 1;

/**
 * Gives waiters the thread one at a time. Between two turns, other work gets the thread for as long as the last turn took,
 * so that many waiters together use at most half of it.
 */
export class TurnQueue {
  readonly #waiting: (() => void)[] = [];
  #isServing = false;

  /** Resolves when the caller's turn begins; at once if the queue is idle. The turn ends at the caller's next `await`. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (this.#isServing) return;
      this.#isServing = true;
      this.#serve();
    });
  }

  #serve(): void {
    const next = this.#waiting.shift();
    if (!next) {
      this.#isServing = false;
      return;
    }
    const began = performance.now();
    next();
    // Runs after the turn's work.
    setImmediate(() => {
      const worked = performance.now() - began;
      if (worked < SHORT_MS) this.#serve();
      else setTimeout(() => this.#serve(), worked);
    });
  }
}
