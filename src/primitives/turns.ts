/** Has work that holds a thread for some milliseconds done one piece at a time, with everything else having its turn between. */
export class Turns {
  #last: Promise<void> = Promise.resolve();

  /** Resolves when it is the caller's turn; what it does at once is the piece. */
  next(): Promise<void> {
    const turn = this.#last;
    this.#last = turn.then(() => new Promise((resolve) => setImmediate(resolve)));
    return turn;
  }
}
