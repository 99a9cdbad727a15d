/** Beyond it the others have the thread as long as the last one had it (ms). */
const SHORT_MS = 1;

/**
 * Hands the thread to one of many at a time. Between two of them whatever else waits for the thread is served, and has it
 * as long as they do: many at once keep it no more than one does.
 */
export class TurnQueue {
  readonly #waiting: (() => void)[] = [];
  #isServing = false;

  /** Resolves when it is this one's turn: at once where nobody else had one just now. It lasts until the next `await`. */
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
    // What it does comes before.
    setImmediate(() => {
      const worked = performance.now() - began;
      if (worked < SHORT_MS) this.#serve();
      else setTimeout(() => this.#serve(), worked);
    });
  }
}
