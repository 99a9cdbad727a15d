/** Counters that scopes share by hash; a shared one costs a needless read, never a stale result. */
const SCOPES = 4096;

/** An event of a scope; a removal is also a change. */
export type ScopeEvent = "change" | "removal";

/**
 * Counts changes and removals by scope (a repository) in shared memory: data read before the counter advanced may be out of
 * date. A writer advances it before it acknowledges a change, so that every later request sees the change. Data that
 * an addition can't invalidate, such as the content of a digest, follows removals only.
 */
export class ScopeClock {
  readonly memory: SharedArrayBuffer;
  readonly #counters: Int32Array;

  /** `memory` of another thread's clock makes this the same clock. */
  constructor(memory = new SharedArrayBuffer(2 * SCOPES * Int32Array.BYTES_PER_ELEMENT)) {
    this.memory = memory;
    this.#counters = new Int32Array(memory);
  }

  slotOf(scope: string, event: ScopeEvent): number {
    return (Bun.hash.xxHash32(scope) % SCOPES) + (event === "removal" ? SCOPES : 0);
  }

  /** Must be called before the data is read. */
  read(slot: number): number {
    return Atomics.load(this.#counters, slot);
  }

  advance(scope: string, event: ScopeEvent): void {
    Atomics.add(this.#counters, this.slotOf(scope, "change"), 1);
    if (event === "removal") Atomics.add(this.#counters, this.slotOf(scope, "removal"), 1);
  }

  /** Called after everything may have changed. */
  advanceAll(): void {
    for (let slot = 0; slot < this.#counters.length; slot++) Atomics.add(this.#counters, slot, 1);
  }
}
