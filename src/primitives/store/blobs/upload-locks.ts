import { LruCache } from "../../bounds/lru-cache.ts";
import { type MonotonicClock, monotonicMs } from "../../monotonic-clock.ts";
import type { UploadId } from "../engine/upload-id.ts";
import type { UploadLocks } from "../engine/uploads.ts";

/** Sessions of which it is remembered when they were last worked on. */
const MAX_RELEASES = 10_000;

/** In the memory of the thread that owns the store. */
export class LocalUploadLocks implements UploadLocks {
  readonly #held = new Set<UploadId>();
  readonly #released = new LruCache<UploadId, number>(MAX_RELEASES);
  readonly #now: MonotonicClock;

  constructor(now: MonotonicClock = monotonicMs) {
    this.#now = now;
  }

  acquire(id: UploadId): boolean {
    if (this.#held.has(id)) return false;
    this.#held.add(id);
    return true;
  }

  release(id: UploadId): void {
    this.#held.delete(id);
    this.#released.set(id, this.#now());
  }

  isHeld(id: UploadId): boolean {
    return this.#held.has(id);
  }

  wasHeldWithin(ms: number, id: UploadId): boolean {
    const released = this.#released.get(id);
    return this.#held.has(id) || (released !== undefined && this.#now() - released < ms);
  }
}
