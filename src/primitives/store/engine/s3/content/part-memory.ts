import { totalmem } from "node:os";
import { noteReceived } from "../../../../bounds/buffer-pressure.ts";
import { type MonotonicClock, monotonicMs } from "../../../../monotonic-clock.ts";
import { MIN_PART_BYTES } from "../../../../s3/s3-multipart.ts";

/** Bytes of a part; all parts but the last are equal, as some stores demand. */
export const PART_BYTES = MIN_PART_BYTES;
/** A part that is on its way needs more: the runtime keeps copies of it, which it frees late (measured with 100 uploads). */
const SLOT_BYTES = 5 * PART_BYTES;
/** How long a client may take to fill a part while other uploads wait for memory, in milliseconds. */
const FILL_MS = 5000;
/** The part of the machine's memory that all uploads may use, and the bytes of a thread above which more are of no use. */
const MACHINE_SHARE = 1 / 8;
const MAX_BYTES = 256 * 1024 * 1024;
/** Buffers that are kept while there are no uploads. */
const IDLE_BUFFERS = 2;

/** What each of `threads` may use for uploads, in bytes. A limit of the container counts as the machine's memory. */
export function uploadBytes(
  threads: number,
  machineBytes = process.constrainedMemory() || totalmem(),
): number {
  return Math.min((machineBytes * MACHINE_SHARE) / threads, MAX_BYTES);
}

export interface PartMemoryOptions {
  /** Of all uploads; at least one part's memory is used. */
  readonly bytes: number;
  readonly fillMs?: number;
  readonly now?: MonotonicClock;
}

/** The memory of one part of an upload, until `release`. */
export interface PartSlot {
  /** For the bytes of one part. */
  readonly buffer: Uint8Array<ArrayBuffer>;
  /** Resolves when other uploads wait and this part fills slowly: the upload is to store its bytes and release the slot. */
  readonly asked: Promise<"asked">;
  /** To be called when the part is full: it will be released soon, however slow the client is. */
  full(): void;
  /** More than once does no harm. */
  release(): void;
}

interface FillingSlot {
  readonly since: number;
  readonly ask: () => void;
}

/**
 * The memory of the parts of all uploads of a thread. An upload that needs memory waits until it is its turn, and its client
 * with it. It fills one part at a time, and asks for the next one when that is on its way: so no upload waits for memory while
 * it keeps others from getting some, and each gets as much as the others.
 */
export class PartMemory {
  readonly #slots: number;
  readonly #fillMs: number;
  readonly #now: MonotonicClock;
  readonly #buffers: Uint8Array<ArrayBuffer>[] = [];
  readonly #waiting: ((slot: PartSlot) => void)[] = [];
  /** The oldest first. */
  readonly #filling = new Set<FillingSlot>();
  #used = 0;
  #looks: Timer | undefined;

  constructor({ bytes, fillMs = FILL_MS, now = monotonicMs }: PartMemoryOptions) {
    this.#slots = Math.max(Math.floor(bytes / SLOT_BYTES), 1);
    this.#fillMs = fillMs;
    this.#now = now;
  }

  /** Bytes that uploads have now. */
  get used(): number {
    return this.#used * SLOT_BYTES;
  }

  /** Resolves when there is memory for a part. First come, first served. */
  take(): Promise<PartSlot> {
    const { promise, resolve } = Promise.withResolvers<PartSlot>();
    this.#waiting.push(resolve);
    this.#serve();
    return promise;
  }

  #serve(): void {
    while (this.#used < this.#slots) {
      const next = this.#waiting.shift();
      if (!next) break;
      this.#used++;
      next(this.#open());
    }
    if (this.#waiting.length === 0) {
      clearInterval(this.#looks);
      this.#looks = undefined;
    } else this.#looks ??= setInterval(() => this.#askSlowOnes(), this.#fillMs / 4).unref();
  }

  #open(): PartSlot {
    const asked = Promise.withResolvers<"asked">();
    const filling: FillingSlot = { since: this.#now(), ask: () => asked.resolve("asked") };
    this.#filling.add(filling);
    const buffer = this.#buffers.pop() ?? new Uint8Array(PART_BYTES);
    let isReleased = false;
    const release = () => {
      if (isReleased) return;
      isReleased = true;
      this.#filling.delete(filling);
      this.#used--;
      this.#buffers.push(buffer);
      this.#serve();
      if (this.#used > 0) return;
      for (const { length } of this.#buffers.splice(IDLE_BUFFERS)) noteReceived(length);
    };
    return { buffer, asked: asked.promise, full: () => void this.#filling.delete(filling), release };
  }

  /** As many as uploads wait. */
  #askSlowOnes(): void {
    const slow = [...this.#filling].filter(({ since }) => this.#now() - since >= this.#fillMs);
    for (const filling of slow.slice(0, this.#waiting.length)) {
      this.#filling.delete(filling);
      filling.ask();
    }
  }
}
