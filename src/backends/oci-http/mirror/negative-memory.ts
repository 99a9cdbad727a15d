import { ByteCache } from "../../../primitives/bounds/byte-cache.ts";
import { type MonotonicClock, monotonicMs } from "../../../primitives/monotonic-clock.ts";

const MAX_BYTES = 4 * 1024 * 1024;
/** A tag that was just pushed upstream is found after this time (ms). */
const REMEMBERED_MS = 10_000;

/** What upstream does not have, for some seconds: clients ask for the same again and again. */
export class NegativeMemory {
  readonly #now: MonotonicClock;
  #until = new ByteCache<number>(MAX_BYTES);

  constructor(now: MonotonicClock = monotonicMs) {
    this.#now = now;
  }

  has(key: string): boolean {
    return (this.#until.get(key) ?? 0) > this.#now();
  }

  add(key: string): void {
    this.#until.set(key, this.#now() + REMEMBERED_MS);
  }

  clear(): void {
    this.#until = new ByteCache(MAX_BYTES);
  }
}
