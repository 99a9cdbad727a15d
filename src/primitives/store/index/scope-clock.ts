/** Counters that scopes share by hash; sharing one costs a needless look-up, never a stale answer. */
const SCOPES = 4096;

/** What happens to a scope; a removal is a change as well. */
export type ScopeEvent = "change" | "removal";

/**
 * Counts changes and removals by scope (a repository), in memory that threads share: what was read before the counter
 * moved may be out of date. A writer moves it before it acknowledges a change, so that every later request sees the
 * change. What no addition can make wrong, such as the content of a digest, needs to follow removals only.
 */
export class ScopeClock {
  readonly memory: SharedArrayBuffer;
  readonly #counters: Int32Array;

  /** With the memory of another thread's clock it is the same clock. */
  constructor(memory = new SharedArrayBuffer(2 * SCOPES * Int32Array.BYTES_PER_ELEMENT)) {
    this.memory = memory;
    this.#counters = new Int32Array(memory);
  }

  slotOf(scope: string, event: ScopeEvent): number {
    return (Bun.hash.xxHash32(scope) % SCOPES) + (event === "removal" ? SCOPES : 0);
  }

  /** Read before the data that it is to vouch for. */
  read(slot: number): number {
    return Atomics.load(this.#counters, slot);
  }

  advance(scope: string, event: ScopeEvent): void {
    Atomics.add(this.#counters, this.slotOf(scope, "change"), 1);
    if (event === "removal") Atomics.add(this.#counters, this.slotOf(scope, "removal"), 1);
  }

  /** After everything may have changed. */
  advanceAll(): void {
    for (let slot = 0; slot < this.#counters.length; slot++) Atomics.add(this.#counters, slot, 1);
  }
}
