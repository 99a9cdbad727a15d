import { noteReceived } from "../../../primitives/bounds/buffer-pressure.ts";
import { ByteBudget } from "../../../primitives/bounds/byte-budget.ts";
import { type MonotonicClock, monotonicMs } from "../../../primitives/monotonic-clock.ts";
import type { ClientConnection } from "./client-connection.ts";

/** Up to this size (bytes) a body is left to the runtime, which copies what a connection does not take at once. */
const MAX_COPIED = 32 * 1024;
/** A larger one is handed over in parts of this size, as the client takes them. */
const PART_BYTES = 64 * 1024;
/** Bytes of one thread that may wait for slow clients: bodies, each once however many clients it is sent to, and their parts. */
const CAPACITY = 64 * 1024 * 1024;
/** A client that took nothing for so long (ms) has to go where others need the room. */
const STALLED_MS = 5000;

interface Reader {
  /** Gone for a client that has to go. */
  content: Uint8Array<ArrayBuffer> | undefined;
  /** When the last part was taken. */
  taken: number;
  readonly connection: Pick<ClientConnection, "closeIfIdleFor">;
}

/** Large bodies on their way to clients of any speed, within a bound on the memory that they take together. */
export class WaitingBodies {
  readonly #budget: ByteBudget;
  readonly #now: MonotonicClock;
  /** The one that has waited the longest is the first. */
  readonly #readers = new Set<Reader>();
  readonly #uses = new Map<Uint8Array, number>();

  constructor(capacity = CAPACITY, now: MonotonicClock = monotonicMs) {
    this.#budget = new ByteBudget(capacity);
    this.#now = now;
  }

  /** Bytes that are kept for clients. */
  get bytes(): number {
    return this.#budget.used;
  }

  /** `undefined` if there is no room for it. */
  body(
    content: Uint8Array<ArrayBuffer>,
    { signal }: { readonly signal: AbortSignal },
    connection: Pick<ClientConnection, "closeIfIdleFor">,
  ): Bun.BodyInit | undefined {
    if (content.length <= MAX_COPIED || signal.aborted) return content;
    while (!this.#budget.reserve(this.#weightOf(content))) if (!this.#dropStalled()) return undefined;
    if (!this.#uses.has(content)) noteReceived(content.length);
    this.#uses.set(content, (this.#uses.get(content) ?? 0) + 1);
    const reader: Reader = { content, taken: this.#now(), connection };
    this.#readers.add(reader);
    // Also for a client that goes before the first part is asked for.
    signal.addEventListener("abort", () => this.#drop(reader));
    return this.#stream(reader);
  }

  #stream(reader: Reader): ReadableStream<Uint8Array> {
    let at = 0;
    return new ReadableStream(
      {
        pull: (controller) => {
          const { content } = reader;
          // Its connection is being closed; an error would be reported as one of ours.
          if (!content) return new Promise<void>(() => undefined);
          controller.enqueue(content.subarray(at, at + PART_BYTES));
          at += PART_BYTES;
          if (at < content.length) this.#move(reader);
          else {
            this.#drop(reader);
            controller.close();
          }
        },
        cancel: () => this.#drop(reader),
      },
      { highWaterMark: 0 },
    );
  }

  #weightOf(content: Uint8Array): number {
    return PART_BYTES + (this.#uses.has(content) ? 0 : content.length);
  }

  /** It is the last one again. */
  #move(reader: Reader): void {
    reader.taken = this.#now();
    this.#readers.delete(reader);
    this.#readers.add(reader);
  }

  #dropStalled(): boolean {
    const [first] = this.#readers;
    if (!first || this.#now() - first.taken < STALLED_MS) return false;
    this.#drop(first);
    first.connection.closeIfIdleFor(1);
    return true;
  }

  #drop(reader: Reader): void {
    const { content } = reader;
    if (!content) return;
    reader.content = undefined;
    this.#readers.delete(reader);
    const uses = (this.#uses.get(content) ?? 1) - 1;
    if (uses > 0) this.#uses.set(content, uses);
    else this.#uses.delete(content);
    this.#budget.release(this.#weightOf(content));
  }
}
