import { fullGC, heapSize } from "bun:jsc";

const LOOK_EVERY_MS = 2000;
/** A thread that allocated less between two looks is idle. */
const IDLE_BYTES = 256 * 1024;
/** Growth of the heap since the last full collection that is worth another; of a large heap, whose collection takes longer, a share. */
const WORTHWHILE_BYTES = 4 * 1024 * 1024;
const WORTHWHILE_SHARE = 1 / 4;

interface Heap {
  /** Bytes, with those of garbage. */
  size(): number;
  /** Frees all garbage; the thread waits meanwhile. */
  collect(): void;
}

/**
 * Collects a thread's garbage when the thread is idle. The runtime then looks only at young objects:
 * garbage of a flood of requests that has become old would stay until the next flood.
 */
export class IdleCollection {
  readonly #heap: Heap;
  #last = Number.POSITIVE_INFINITY;
  /** At first that of the first look: a start leaves little garbage, and a collection touches more memory than it frees. */
  #afterCollection = Number.POSITIVE_INFINITY;

  constructor(heap: Heap) {
    this.#heap = heap;
  }

  /** Is called at regular times. */
  look(): void {
    const size = this.#heap.size();
    const isIdle = Math.abs(size - this.#last) < IDLE_BYTES;
    this.#last = size;
    this.#afterCollection = Math.min(this.#afterCollection, size);
    const worthwhile = Math.max(WORTHWHILE_BYTES, this.#afterCollection * WORTHWHILE_SHARE);
    if (!isIdle || size - this.#afterCollection < worthwhile) return;
    this.#heap.collect();
    this.#last = this.#afterCollection = this.#heap.size();
  }
}

/** For the thread that calls it, until the thread ends. */
export function collectWhenIdle(): void {
  const collection = new IdleCollection({ size: heapSize, collect: fullGC });
  setInterval(() => collection.look(), LOOK_EVERY_MS).unref();
}
