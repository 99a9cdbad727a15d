import { monotonicMs } from "../monotonic-clock.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** No bytes of a body have come for so long. */
export class StalledError extends Error {
  readonly ms: number;

  constructor(ms: number) {
    super(`no more bytes within ${ms} ms`);
    this.ms = ms;
  }
}

/** Bytes in pieces, for one reader; `done` after the last. */
export interface ByteReader {
  read(): Promise<{ readonly done: boolean; readonly value?: Bytes | undefined }>;
  /** Ends the read that waits as if the bytes did. */
  cancel(): Promise<void>;
}

export interface BodyWatch {
  /** How long (ms) the next bytes may take while a read waits for them. */
  readonly ms: number;
  /** Called with each piece. */
  readonly came?: () => void;
  /** Called once, when no bytes came in time, before the read rejects. */
  readonly stalled?: () => void;
}

const EMPTY = new Uint8Array();

/** Reads a body, and rejects with `StalledError` where its bytes do not come. The time between reads is the reader's own. */
export class WatchedReader implements ByteReader {
  readonly #inner: ByteReader;
  readonly #watch: BodyWatch;
  /** Since when bytes are waited for. One timer for each body, not for each of its thousands of pieces. */
  #waitingSince: number | undefined;
  readonly #timer: Timer;
  #isStalled = false;

  constructor(inner: ByteReader, watch: BodyWatch) {
    this.#inner = inner;
    this.#watch = watch;
    this.#timer = setInterval(() => this.#check(), watch.ms / 8).unref();
  }

  async read(): ReturnType<ByteReader["read"]> {
    this.#waitingSince = monotonicMs();
    try {
      const piece = await this.#inner.read();
      if (this.#isStalled) throw new StalledError(this.#watch.ms);
      if (piece.done) clearInterval(this.#timer);
      this.#watch.came?.();
      return piece;
    } catch (error) {
      clearInterval(this.#timer);
      throw this.#isStalled ? new StalledError(this.#watch.ms) : error;
    } finally {
      this.#waitingSince = undefined;
    }
  }

  async cancel(): Promise<void> {
    clearInterval(this.#timer);
    await this.#inner.cancel();
  }

  #check(): void {
    if (this.#waitingSince === undefined || monotonicMs() - this.#waitingSince < this.#watch.ms) return;
    this.#isStalled = true;
    this.#watch.stalled?.();
    // Ends the read that waits.
    void this.cancel().catch(() => undefined);
  }
}

/** For consumers of streams. Nothing is read before it is asked for. */
export function streamOf(reader: ByteReader): ReadableStream<Bytes> {
  return new ReadableStream<Bytes>(
    {
      pull: async (controller) => {
        const { value } = await reader.read();
        if (value) controller.enqueue(value);
        else controller.close();
      },
      cancel: () => reader.cancel(),
    },
    { highWaterMark: 0 },
  );
}

/** The bytes of a body, where its head says so. */
export function lengthOf({ status, headers }: Response): number | undefined {
  const announced = headers.get("content-length");
  if (announced === null) return status === 204 ? 0 : undefined;
  return headers.has("content-encoding") ? undefined : Number(announced);
}

/** The bytes. Throws if the head announced another number of them. */
export function ofLength(bytes: Bytes, length: number | undefined): Bytes {
  if (length !== undefined && bytes.length !== length)
    throw new Error(`${bytes.length} of ${length} bytes came`);
  return bytes;
}

/** The whole body. Rejects with `StalledError` where no bytes come for `ms` milliseconds. */
export async function readLong(response: Response, ms: number): Promise<Bytes> {
  if (!response.body) return EMPTY;
  const reader = new WatchedReader(response.body.getReader() as ByteReader, { ms });
  const pieces: Bytes[] = [];
  for (let piece = await reader.read(); piece.value; piece = await reader.read()) pieces.push(piece.value);
  const [only, ...more] = pieces;
  return only && more.length === 0 ? only : new Uint8Array(Buffer.concat(pieces));
}
