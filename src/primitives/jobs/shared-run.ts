/**
 * Runs of one kind of work, shared by callers: one that asks while a run is under way waits for the next run, because the
 * one under way may have begun before what the caller must see.
 */
export class SharedRun {
  readonly #work: () => Promise<void>;
  #current: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(work: () => Promise<void>) {
    this.#work = work;
  }

  /** Resolves or rejects with a run that began after this call. */
  run(): Promise<void> {
    if (this.#next !== undefined) return this.#next;
    if (this.#current === undefined) return this.#start();
    const startNext = () => {
      this.#next = undefined;
      return this.#start();
    };
    this.#next = this.#current.then(startNext, startNext);
    return this.#next;
  }

  #start(): Promise<void> {
    this.#current = this.#work().finally(() => {
      this.#current = undefined;
    });
    return this.#current;
  }
}
