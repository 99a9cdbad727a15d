const LENGTH_BYTES = 4;

/** A short text that one thread writes and others read at any moment, without either waiting for the other. */
export class SharedText {
  /** To be handed to other threads. */
  readonly memory: SharedArrayBuffer;
  readonly #length: Int32Array;
  readonly #bytes: Uint8Array;

  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.#length = new Int32Array(memory, 0, 1);
    this.#bytes = new Uint8Array(memory, LENGTH_BYTES);
  }

  /** Of up to so many bytes in UTF-8; what is longer is cut off. */
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
