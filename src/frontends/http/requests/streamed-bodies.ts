import { noteReceived } from "../../../primitives/bounds/buffer-pressure.ts";
import { ByteBudget } from "../../../primitives/bounds/byte-budget.ts";
import { type MonotonicClock, monotonicMs } from "../../../primitives/monotonic-clock.ts";
import type { ClientConnection } from "./client-connection.ts";

/** In bytes. Smaller bodies go straight to the runtime, which copies what the connection can't send at once. */
const MAX_COPIED = 32 * 1024;
/** Larger bodies are passed to the runtime in parts of this size, as the client reads them. */
const PART_BYTES = 64 * 1024;
/** Maximal bytes that wait for slow clients, for each thread: one copy of each body, and one part for each client. */
const CAPACITY = 64 * 1024 * 1024;
/** A client that has read nothing for this time may be dropped to free memory for others. */
const STALLED_MS = 5000;

interface Reader {
  /** `undefined` once the client is dropped. */
  content: Uint8Array<ArrayBuffer> | undefined;
  /** When the client read the last part. */
  lastRead: number;
  readonly connection: Pick<ClientConnection, "closeIfIdleFor">;
}

/** Streams large bodies to clients of any speed, within a memory budget for all of them. */
export class StreamedBodies {
  readonly #budget: ByteBudget;
  readonly #now: MonotonicClock;
  /** In order of their last read, the oldest first. */
  readonly #readers = new Set<Reader>();
  readonly #uses = new Map<Uint8Array, number>();

  constructor(capacity = CAPACITY, now: MonotonicClock = monotonicMs) {
    this.#budget = new ByteBudget(capacity);
    this.#now = now;
  }

  /** Bytes in use. */
  get bytes(): number {
    return this.#budget.used;
  }

  /** `undefined` if the body exceeds the budget and no client is stalled. */
  body(
    content: Uint8Array<ArrayBuffer>,
    { signal }: { readonly signal: AbortSignal },
    connection: Pick<ClientConnection, "closeIfIdleFor">,
  ): Bun.BodyInit | undefined {
    if (content.length <= MAX_COPIED || signal.aborted) return content;
    while (!this.#budget.reserve(this.#weightOf(content))) if (!this.#dropStalled()) return undefined;
    if (!this.#uses.has(content)) noteReceived(content.length);
    this.#uses.set(content, (this.#uses.get(content) ?? 0) + 1);
    const reader: Reader = { content, lastRead: this.#now(), connection };
    this.#readers.add(reader);
    // Also covers a client that disconnects before the first pull.
    signal.addEventListener("abort", () => this.#drop(reader));
    return this.#stream(reader);
  }

  #stream(reader: Reader): ReadableStream<Uint8Array> {
    let at = 0;
    return new ReadableStream(
      {
        pull: (controller) => {
          const { content } = reader;
          // The connection is being closed; an error here would be logged as a server error.
          if (!content) return new Promise<void>(() => undefined);
          controller.enqueue(content.subarray(at, at + PART_BYTES));
          at += PART_BYTES;
          if (at < content.length) this.#noteRead(reader);
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

  /** Moves the reader to the end of the order. */
  #noteRead(reader: Reader): void {
    reader.lastRead = this.#now();
    this.#readers.delete(reader);
    this.#readers.add(reader);
  }

  #dropStalled(): boolean {
    const [first] = this.#readers;
    if (!first || this.#now() - first.lastRead < STALLED_MS) return false;
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
