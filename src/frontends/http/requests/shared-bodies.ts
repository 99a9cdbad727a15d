/** In bytes. Smaller bodies go straight to the runtime, which copies what the connection can't send at once. */
const MAX_COPIED = 32 * 1024;
/** Maximal bytes of different large bodies that wait for slow clients, for each thread. */
const CAPACITY = 64 * 1024 * 1024;
/** Maximal number of tracked bodies: each is larger than `MAX_COPIED`, so more would exceed the capacity. */
const MAX_CONTENTS = CAPACITY / MAX_COPIED;

/**
 * Large bodies sent with a Content-Length; all clients of one body share its memory. The runtime does not report when a
 * body is sent, only how many are pending, so the largest ones are assumed to be pending.
 */
export class SharedBodies {
  readonly #capacity: number;
  readonly #pending: () => number;
  readonly #shared = new WeakMap<Uint8Array, { readonly id: number; readonly blob: Blob }>();
  /** Sizes by id, the most recently sent last. */
  readonly #sent = new Map<number, number>();
  #lastId = 0;

  /** `pending` returns the number of responses that clients have not read yet. */
  constructor(pending: () => number, capacity = CAPACITY) {
    this.#pending = pending;
    this.#capacity = capacity;
  }

  /** `undefined` if the body exceeds the budget. */
  body(content: Uint8Array<ArrayBuffer>): Bun.BodyInit | undefined {
    if (content.length <= MAX_COPIED) return content;
    const known = this.#shared.get(content);
    const isSent = known !== undefined && this.#sent.delete(known.id);
    if (!isSent && !this.#hasRoomFor(content.length)) return undefined;
    const shared = known ?? { id: ++this.#lastId, blob: new Blob([content]) };
    if (!known) this.#shared.set(content, shared);
    this.#sent.set(shared.id, content.length);
    return shared.blob;
  }

  #hasRoomFor(bytes: number): boolean {
    const pending = this.#pending();
    if (pending <= 0) this.#sent.clear();
    for (const id of this.#sent.keys()) {
      if (this.#sent.size < MAX_CONTENTS) break;
      this.#sent.delete(id);
    }
    const largest = [...this.#sent.values()].sort((a, b) => b - a).slice(0, pending);
    const used = largest.reduce((sum, size) => sum + size, 0);
    // A body larger than the whole budget is admitted only while nothing else is pending.
    return used === 0 || used + bytes <= this.#capacity;
  }
}
