/** Counters that scopes share by hash; sharing one costs a needless look-up, never a stale answer. */
const SLOTS = 4096;

/**
 * Counts changes by scope (a repository), in memory that threads share: what was read before the counter moved may be
 * out of date. A writer moves it before it acknowledges a change, so that every later request sees the change.
 */
export class ScopeClock {
  readonly memory: SharedArrayBuffer;
  readonly #counters: Int32Array;

  /** With the memory of another thread's clock it is the same clock. */
  constructor(memory = new SharedArrayBuffer(SLOTS * Int32Array.BYTES_PER_ELEMENT)) {
    this.memory = memory;
    this.#counters = new Int32Array(memory);
  }

  slotOf(scope: string): number {
    return Bun.hash.xxHash32(scope) % SLOTS;
  }

  /** Read before the data that it is to vouch for. */
  read(slot: number): number {
    return Atomics.load(this.#counters, slot);
  }

  advance(scope: string): void {
    Atomics.add(this.#counters, this.slotOf(scope), 1);
  }

  advanceAll(): void {
    for (let slot = 0; slot < SLOTS; slot++) Atomics.add(this.#counters, slot, 1);
  }
}
