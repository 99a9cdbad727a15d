import { OverloadedError } from "../../../primitives/bounds/semaphore.ts";

export interface FetchLimits {
  /** Fetches at once: all, from one upstream, for one client, and for one client from one upstream. */
  readonly atOnce: number;
  readonly ofUpstream: number;
  readonly ofClient: number;
  readonly ofClientAtUpstream: number;
  /** Fetches that wait for their turn, of all clients and of one. */
  readonly waiting: number;
  readonly waitingOfClient: number;
}

/** A few use up any network; each holds a connection, on which some MiB may wait for their turn. */
export const FETCH_LIMITS: FetchLimits = {
  atOnce: 30,
  ofUpstream: 10,
  ofClient: 24,
  ofClientAtUpstream: 8,
  waiting: 4000,
  waitingOfClient: 2000,
};

/** For whom a fetch is, and where from. */
export interface FetchParties {
  readonly client: string;
  readonly upstream: string;
}

interface Waiting {
  readonly parties: FetchParties;
  readonly begin: () => void;
}

/** Gives fetches their turns: few at once, and no client or slow upstream can take all of them. */
export class FetchTurns {
  readonly #limits: FetchLimits;
  readonly #running = new Map<string, number>();
  readonly #queued = new Map<string, number>();
  #queue: Waiting[] = [];

  constructor(limits = FETCH_LIMITS) {
    this.#limits = limits;
  }

  /** Rejects with `OverloadedError` where too many wait. */
  async run<T>(parties: FetchParties, work: () => Promise<T>): Promise<T> {
    if (this.#mayBegin(parties)) this.#count(parties, 1);
    else await this.#turn(parties);
    try {
      return await work();
    } finally {
      this.#count(parties, -1);
      this.#next();
    }
  }

  #mayBegin(parties: FetchParties): boolean {
    return this.#shares(parties).every(([share, limit]) => (this.#running.get(share) ?? 0) < limit);
  }

  #count(parties: FetchParties, by: 1 | -1): void {
    for (const [share] of this.#shares(parties)) count(this.#running, share, by);
  }

  /** What a fetch counts towards, each with its limit. */
  #shares({ client, upstream }: FetchParties): [share: string, limit: number][] {
    const { atOnce, ofUpstream, ofClient, ofClientAtUpstream } = this.#limits;
    return [
      ["all", atOnce],
      [`from ${upstream}`, ofUpstream],
      [`for ${client}`, ofClient],
      [`for ${client} from ${upstream}`, ofClientAtUpstream],
    ];
  }

  #turn(parties: FetchParties): Promise<void> {
    const { waiting, waitingOfClient } = this.#limits;
    const { client } = parties;
    if (this.#queue.length >= waiting || (this.#queued.get(client) ?? 0) >= waitingOfClient)
      throw new OverloadedError();
    count(this.#queued, client, 1);
    return new Promise((begin) => this.#queue.push({ parties, begin }));
  }

  #next(): void {
    const at = this.#queue.findIndex(({ parties }) => this.#mayBegin(parties));
    const [next] = at < 0 ? [] : this.#queue.splice(at, 1);
    if (!next) return;
    count(this.#queued, next.parties.client, -1);
    this.#count(next.parties, 1);
    next.begin();
  }
}

function count(counts: Map<string, number>, of: string, by: 1 | -1): void {
  const now = (counts.get(of) ?? 0) + by;
  if (now === 0) counts.delete(of);
  else counts.set(of, now);
}
