import { LruCache } from "../../../primitives/bounds/lru-cache.ts";

const MAX_ENDED = 20_000;

/** The sessions that users have ended before their time; each process knows those that were ended through it. */
export class EndedSessions {
  readonly #ended = new LruCache<string, true>(MAX_ENDED);

  end(id: string): void {
    this.#ended.set(id, true);
  }

  has(id: string): boolean {
    return this.#ended.get(id) === true;
  }
}
