/** Up to this size (bytes) a body is left to the runtime, which copies what a connection does not take at once. */
const MAX_COPIED = 32 * 1024;
/** Bytes of different large contents of one thread that may wait for slow clients. */
const CAPACITY = 64 * 1024 * 1024;
/** The latest contents that may be waiting; more can't be within the capacity, as each is larger than `MAX_COPIED`. */
const MAX_CONTENTS = CAPACITY / MAX_COPIED;

/**
 * Large bodies with their length told, each shared by all clients that it is sent to. The runtime does not tell when a body
 * has been taken, only how many have not: the largest of those sent could be the ones.
 */
export class SharedBodies {
  readonly #capacity: number;
  readonly #waiting: () => number;
  readonly #shared = new WeakMap<Uint8Array, { readonly id: number; readonly blob: Blob }>();
  /** Their sizes, by number; the one sent last is the last. */
  readonly #sent = new Map<number, number>();
  #lastId = 0;

  /** `waiting` is how many answers have been given and not been taken yet. */
  constructor(waiting: () => number, capacity = CAPACITY) {
    this.#waiting = waiting;
    this.#capacity = capacity;
  }

  /** `undefined` if there is no room for it. */
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
    const waiting = this.#waiting();
    if (waiting <= 0) this.#sent.clear();
    for (const id of this.#sent.keys()) {
      if (this.#sent.size < MAX_CONTENTS) break;
      this.#sent.delete(id);
    }
    const largest = [...this.#sent.values()].sort((a, b) => b - a).slice(0, waiting);
    const most = largest.reduce((sum, size) => sum + size, 0);
    // What is larger than all the room has it alone.
    return most === 0 || most + bytes <= this.#capacity;
  }
}
