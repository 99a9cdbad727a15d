/** A version number in shared memory, incremented whenever the versioned state changes. */
export class SharedVersion {
  readonly memory: SharedArrayBuffer;
  readonly #counter: Int32Array;

  /** Pass the memory of another thread's version to share it. */
  constructor(memory = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)) {
    this.memory = memory;
    this.#counter = new Int32Array(memory);
  }

  get current(): number {
    return Atomics.load(this.#counter, 0);
  }

  advance(): void {
    Atomics.add(this.#counter, 0, 1);
  }
}
