const NUMBER_DIGITS = 16;

/** So that keys are in the order of their numbers. */
export function numberInKey(number: number): string {
  return String(number).padStart(NUMBER_DIGITS, "0");
}

/** Keys of a store's commits, below the prefix of the bucket. */
export class LogKeys {
  readonly #base: string;

  constructor(store: string) {
    this.#base = `stores/${store}`;
  }

  /** Entries are numbered from 1. */
  entry(number: number): string {
    return `${this.entries}${numberInKey(number)}`;
  }

  /** The prefix of the requests of nodes that the others let them in. */
  get turns(): string {
    return `${this.#base}/turns/`;
  }

  get checkpoint(): string {
    return `${this.#base}/checkpoint`;
  }

  /** The prefix of packs. */
  get packs(): string {
    return `${this.#base}/packs/`;
  }

  pack(name: string, suffix: "pack" | "idx"): string {
    return `${this.packs}${name}.${suffix}`;
  }

  /** The prefix of records of merged entries. */
  get segments(): string {
    return `${this.#base}/records/`;
  }

  segment(name: string): string {
    return `${this.segments}${name}`;
  }

  /** The prefix of copies of derived databases. */
  get copies(): string {
    return `${this.#base}/copies/`;
  }

  /** The prefix of all entries. */
  get entries(): string {
    return `${this.#base}/log/`;
  }
}
