import { OverloadedError } from "../../../primitives/bounds/semaphore.ts";

export interface FetchLimits {
  /** Fetches at once, of all clients and of one. */
  readonly atOnce: number;
  readonly ofClient: number;
  /** Fetches that wait for their turn, of all clients and of one. */
  readonly waiting: number;
  readonly waitingOfClient: number;
}

/** A few use up any network; each holds a connection, on which some MiB may wait for their turn. */
export const FETCH_LIMITS: FetchLimits = { atOnce: 10, ofClient: 8, waiting: 4000, waitingOfClient: 2000 };

interface Waiting {
  readonly client: string;
  readonly begin: () => void;
}

/** Gives fetches their turns: few at once, and no client can take all of them. */
export class FetchTurns {
  readonly #limits: FetchLimits;
  readonly #running = new Map<string, number>();
  readonly #queued = new Map<string, number>();
  #queue: Waiting[] = [];
  #all = 0;

  constructor(limits = FETCH_LIMITS) {
    this.#limits = limits;
  }

  /** Rejects with `OverloadedError` where too many wait. */
  async run<T>(client: string, work: () => Promise<T>): Promise<T> {
    if (!this.#mayBegin(client)) await this.#turn(client);
    else this.#begin(client);
    try {
      return await work();
    } finally {
      this.#all--;
      count(this.#running, client, -1);
      this.#next();
    }
  }

  #mayBegin(client: string): boolean {
    const { atOnce, ofClient } = this.#limits;
    return this.#all < atOnce && (this.#running.get(client) ?? 0) < ofClient;
  }

  #begin(client: string): void {
    this.#all++;
    count(this.#running, client, 1);
  }

  #turn(client: string): Promise<void> {
    const { waiting, waitingOfClient } = this.#limits;
    if (this.#queue.length >= waiting || (this.#queued.get(client) ?? 0) >= waitingOfClient)
      throw new OverloadedError();
    count(this.#queued, client, 1);
    return new Promise((begin) => this.#queue.push({ client, begin }));
  }

  #next(): void {
    const at = this.#queue.findIndex(({ client }) => this.#mayBegin(client));
    const [next] = at < 0 ? [] : this.#queue.splice(at, 1);
    if (!next) return;
    count(this.#queued, next.client, -1);
    this.#begin(next.client);
    next.begin();
  }
}

function count(counts: Map<string, number>, client: string, by: 1 | -1): void {
  const now = (counts.get(client) ?? 0) + by;
  if (now === 0) counts.delete(client);
  else counts.set(client, now);
}
