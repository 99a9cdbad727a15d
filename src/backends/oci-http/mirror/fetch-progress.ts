const [SEEN, STATUS] = [0, 1];
const HEAD_BYTES = 8;
/** Milliseconds after which a reader looks again although nothing woke it. */
const LOOK_MS = 2000;
/** Readers are woken after this many bytes: a wake for each piece would cost more than its bytes. */
const WAKE_BYTES = 256 * 1024;

const STATUSES = ["growing", "whole", "failed"] as const;
/** `whole`: all bytes are there, and have the right digest. */
export type FetchStatus = (typeof STATUSES)[number];

/** How far the fetch of a blob is, in memory that threads share: one writes, any number reads. */
export class FetchProgress {
  readonly memory: SharedArrayBuffer;
  readonly #head: Int32Array;
  readonly #bytes: BigInt64Array;
  #woken = 0;

  /** With the memory of another thread's it is the same. */
  constructor(memory?: SharedArrayBuffer) {
    this.memory = memory ?? new SharedArrayBuffer(HEAD_BYTES + BigInt64Array.BYTES_PER_ELEMENT);
    this.#head = new Int32Array(this.memory, 0, 2);
    this.#bytes = new BigInt64Array(this.memory, HEAD_BYTES, 1);
  }

  get status(): FetchStatus {
    return STATUSES[Atomics.load(this.#head, STATUS)] ?? "failed";
  }

  /** Bytes that have arrived; the last of them may still be on their way to the file. */
  get arrived(): number {
    return Number(Atomics.load(this.#bytes, 0));
  }

  /** To be read before the rest, and given to `change`. */
  get seen(): number {
    return Atomics.load(this.#head, SEEN);
  }

  /** `arrived` bytes are there. */
  note(arrived: number): void {
    Atomics.store(this.#bytes, 0, BigInt(arrived));
    if (arrived - this.#woken >= WAKE_BYTES || arrived < this.#woken) this.wake(arrived);
  }

  wake(arrived: number): void {
    this.#woken = arrived;
    Atomics.add(this.#head, SEEN, 1);
    Atomics.notify(this.#head, SEEN);
  }

  end(status: Exclude<FetchStatus, "growing">): void {
    Atomics.store(this.#head, STATUS, STATUSES.indexOf(status));
    this.wake(this.#woken);
  }

  /** Resolves once something has changed since `seen` was read, or after a while. */
  async change(seen: number): Promise<void> {
    const waiting = Atomics.waitAsync(this.#head, SEEN, seen, LOOK_MS);
    if (waiting.async) await waiting.value;
  }
}
