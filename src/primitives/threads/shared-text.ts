const LENGTH_BYTES = 4;

/** A short text that one thread writes and others read at any time, without locks. */
export class SharedText {
  /** Pass this to the other threads. */
  readonly memory: SharedArrayBuffer;
  readonly #length: Int32Array;
  readonly #bytes: Uint8Array;

  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.#length = new Int32Array(memory, 0, 1);
    this.#bytes = new Uint8Array(memory, LENGTH_BYTES);
  }

  /** Holds up to `bytes` bytes of UTF-8; longer text is cut. */
  static ofSize(bytes: number): SharedText {
    return new SharedText(new SharedArrayBuffer(LENGTH_BYTES + bytes));
  }

  write(text: string): void {
    const { written } = new TextEncoder().encodeInto(text, this.#bytes);
    Atomics.store(this.#length, 0, written);
  }

  read(): string {
    return new TextDecoder().decode(this.#bytes.slice(0, Atomics.load(this.#length, 0)));
  }
}
