import { noteReceived } from "../../../primitives/bounds/buffer-pressure.ts";
import { ByteBudget } from "../../../primitives/bounds/byte-budget.ts";
import { type MonotonicClock, monotonicMs } from "../../../primitives/monotonic-clock.ts";
import type { ClientConnection } from "./client-connection.ts";

/** In bytes. Smaller bodies go straight to the runtime, which copies what the connection can't send at once. */
const MAX_COPIED = 32 * 1024;
/** Larger bodies are passed to the runtime in parts of about this size, as the client reads them. */
const PART_BYTES = 64 * 1024;
/** Maximal bytes that wait for slow clients, for each thread: one copy of each body, and one part for each client. */
const CAPACITY = 64 * 1024 * 1024;
/** A client that has read nothing for this time may be dropped to free memory for others. */
const STALLED_MS = 5000;
/** Idle timeout of a connection whose body can't be sent to its end. */
const DROPPED_SECONDS = 1;

interface Client {
  readonly signal: AbortSignal;
  readonly connection: Pick<ClientConnection, "closeIfIdleFor">;
}

/** Where the parts of a body come from. */
interface Source {
  /** `undefined` after the last part. */
  next(): Promise<Uint8Array | undefined> | Uint8Array | undefined;
  /** Called once, after the last part or when the client is dropped. */
  end(): void;
}

interface Reader {
  /** `undefined` once the body is sent or the client is dropped. */
  source: Source | undefined;
  /** When the client read the last part. */
  lastRead: number;
  readonly connection: Pick<ClientConnection, "closeIfIdleFor">;
}

export interface StreamedBodiesOptions {
  readonly capacity?: number;
  readonly now?: MonotonicClock;
  /** Called when the next part of a body can't be read; its client's connection is closed. */
  readonly onFailure?: (error: unknown) => void;
}

/** Streams large bodies to clients of any speed, within a memory budget for all of them. */
export class StreamedBodies {
  readonly #budget: ByteBudget;
  readonly #now: MonotonicClock;
  readonly #onFailure: (error: unknown) => void;
  /** In order of their last read, the oldest first. */
  readonly #readers = new Set<Reader>();
  readonly #uses = new Map<Uint8Array, number>();

  constructor({
    capacity = CAPACITY,
    now = monotonicMs,
    onFailure = () => undefined,
  }: StreamedBodiesOptions = {}) {
    this.#budget = new ByteBudget(capacity);
    this.#now = now;
    this.#onFailure = onFailure;
  }

  /** Bytes in use. */
  get bytes(): number {
    return this.#budget.used;
  }

  /** `undefined` if the body exceeds the budget and no client is stalled. */
  body(content: Uint8Array<ArrayBuffer>, client: Client): Bun.BodyInit | undefined {
    if (content.length <= MAX_COPIED || client.signal.aborted) return content;
    if (!this.#reserve(() => this.#weightOf(content))) return undefined;
    if (!this.#uses.has(content)) noteReceived(content.length);
    this.#uses.set(content, (this.#uses.get(content) ?? 0) + 1);
    let at = 0;
    return this.#stream(client, {
      next: () => {
        if (at >= content.length) return undefined;
        const part = content.subarray(at, at + PART_BYTES);
        at += PART_BYTES;
        return part;
      },
      end: () => this.#release(content),
    });
  }

  /**
   * Like `body`, for a body of `length` bytes whose pieces, of up to about `PART_BYTES` each, are read one by one. Each has
   * to be valid only until the next is asked for: the runtime has sent or copied it by then.
   */
  async pieces(
    pieces: AsyncGenerator<Uint8Array>,
    length: number,
    client: Client,
  ): Promise<Bun.BodyInit | undefined> {
    if (length <= MAX_COPIED || client.signal.aborted) {
      const read: Uint8Array[] = [];
      if (!client.signal.aborted) for await (const piece of pieces) read.push(piece.slice());
      return Buffer.concat(read);
    }
    if (!this.#reserve(() => PART_BYTES)) return undefined;
    return this.#stream(client, {
      next: async () => {
        const piece = await pieces.next();
        if (piece.done) return undefined;
        // A distant storage sends it in buffers that are garbage by now.
        noteReceived(piece.value.length);
        return piece.value;
      },
      end: () => {
        this.#budget.release(PART_BYTES);
        // Ends what the pieces are read from; a failure to do so concerns nobody any more.
        pieces.return(undefined).catch(() => undefined);
      },
    });
  }

  #stream({ signal, connection }: Client, source: Source): ReadableStream<Uint8Array> {
    const reader: Reader = { source, lastRead: this.#now(), connection };
    this.#readers.add(reader);
    // Also covers a client that disconnects before the first pull.
    signal.addEventListener("abort", () => this.#drop(reader));
    return new ReadableStream(
      {
        pull: async (controller) => {
          const part = await this.#next(reader);
          // The connection is being closed; an error here would be logged as a server error.
          if (part === "dropped") return new Promise<void>(() => undefined);
          if (part) controller.enqueue(part);
          else controller.close();
        },
        cancel: () => this.#drop(reader),
      },
      { highWaterMark: 0 },
    );
  }

  /** `undefined` after the last part. */
  async #next(reader: Reader): Promise<Uint8Array | "dropped" | undefined> {
    try {
      const part = await reader.source?.next();
      // The client may have been dropped meanwhile.
      if (!reader.source) return "dropped";
      if (part) this.#noteRead(reader);
      else this.#drop(reader);
      return part;
    } catch (error) {
      this.#drop(reader);
      reader.connection.closeIfIdleFor(DROPPED_SECONDS);
      this.#onFailure(error);
      return "dropped";
    }
  }

  /** False if there is no room, and no client is stalled; `weight` may change when a client is dropped. */
  #reserve(weight: () => number): boolean {
    while (!this.#budget.reserve(weight())) if (!this.#dropStalled()) return false;
    return true;
  }

  #weightOf(content: Uint8Array): number {
    return PART_BYTES + (this.#uses.has(content) ? 0 : content.length);
  }

  #release(content: Uint8Array): void {
    const uses = (this.#uses.get(content) ?? 1) - 1;
    if (uses > 0) this.#uses.set(content, uses);
    else this.#uses.delete(content);
    this.#budget.release(this.#weightOf(content));
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
    first.connection.closeIfIdleFor(DROPPED_SECONDS);
    return true;
  }

  #drop(reader: Reader): void {
    const { source } = reader;
    if (!source) return;
    reader.source = undefined;
    this.#readers.delete(reader);
    source.end();
  }
}
