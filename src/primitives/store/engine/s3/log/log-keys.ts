const NUMBER_DIGITS = 16;

/** Keys of a store's commits, below the prefix of the bucket. */
export class LogKeys {
  readonly #base: string;

  constructor(store: string) {
    this.#base = `stores/${store}`;
  }

  /** Entries are numbered from 1. */
  entry(number: number): string {
    return `${this.entries}${String(number).padStart(NUMBER_DIGITS, "0")}`;
  }

  /** The prefix of all entries. */
  get entries(): string {
    return `${this.#base}/log/`;
  }
}
