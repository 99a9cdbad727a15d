import { networkOf } from "../../primitives/net/client-network.ts";

export interface GateLimits {
  /** Connections that have not logged in, of all clients and of one network. */
  readonly waiting: number;
  readonly waitingPerNetwork: number;
  /** Connections that have logged in, of all users and of one. */
  readonly loggedIn: number;
  readonly loggedInPerUser: number;
  /** How many of all stay free for administrators. */
  readonly reservedForAdministrators: number;
}

export const GATE_LIMITS: GateLimits = {
  waiting: 128,
  waitingPerNetwork: 32,
  loggedIn: 256,
  loggedInPerUser: 16,
  reservedForAdministrators: 16,
};

/** A connection as the gate counts it. */
interface Entry {
  readonly network: string;
  readonly close: () => void;
  hasHandshake: boolean;
  user: string | undefined;
}

/** The place that a connection takes up, from the moment it is accepted. */
export interface Place {
  /** It has exchanged keys: it is given up later than one that has only connected. */
  handshakeDone(): void;
  /** Counts it as the user's from now on; a cap that is reached is answered in words. */
  logIn(user: string, isAdministrator: boolean): string | undefined;
  leave(): void;
}

/**
 * Bounds how many connections there are. One that has not logged in can always be replaced by a newer one, so that nobody
 * shuts others out by holding connections open: first goes one that exchanged no keys, of the network that has the most.
 */
export class ConnectionGate {
  readonly #limits: GateLimits;
  /** Called when a connection is given up for another. */
  readonly #report: (message: string) => void;
  /** The oldest first, by network. */
  readonly #waiting = new Map<string, Set<Entry>>();
  readonly #loggedIn = new Map<string, number>();
  #waitingCount = 0;
  #loggedInCount = 0;

  constructor(report: (message: string) => void, limits: GateLimits = GATE_LIMITS) {
    this.#report = report;
    this.#limits = limits;
  }

  /** Takes a connection in; `close` ends it at once when its place is given to another. */
  enter(address: string, close: () => void): Place {
    const entry: Entry = { network: networkOf(address), close, hasHandshake: false, user: undefined };
    const { waiting, waitingPerNetwork } = this.#limits;
    const own = this.#waiting.get(entry.network);
    if (own && own.size >= waitingPerNetwork) {
      this.#report(
        `${own.size} SSH connections from ${entry.network} have not logged in; a new one takes the place of the oldest`,
      );
      this.#giveUp(own);
    } else if (this.#waitingCount >= waiting) {
      const most = this.#largest();
      const [{ network = "" } = {}] = most;
      this.#report(
        `${this.#waitingCount} SSH connections have not logged in, ${most.size} of them from ${network}; a new one takes the place of the oldest of those`,
      );
      this.#giveUp(most);
    }
    const network = this.#waiting.get(entry.network) ?? new Set();
    this.#waiting.set(entry.network, network.add(entry));
    this.#waitingCount++;
    return {
      handshakeDone: () => {
        entry.hasHandshake = true;
      },
      logIn: (user, isAdministrator) => this.#logIn(entry, user, isAdministrator),
      leave: () => this.#leave(entry),
    };
  }

  #logIn(entry: Entry, user: string, isAdministrator: boolean): string | undefined {
    const { loggedIn, loggedInPerUser, reservedForAdministrators } = this.#limits;
    if (!this.#waiting.get(entry.network)?.has(entry)) return "the connection has ended";
    const own = this.#loggedIn.get(user) ?? 0;
    if (own >= loggedInPerUser) return `${own} connections of '${user}' are open; no user has more`;
    if (this.#loggedInCount >= loggedIn - (isAdministrator ? 0 : reservedForAdministrators))
      return `${this.#loggedInCount} connections are open, of all users; there are no more`;
    this.#leave(entry);
    entry.user = user;
    this.#loggedIn.set(user, own + 1);
    this.#loggedInCount++;
    return undefined;
  }

  #leave(entry: Entry): void {
    const { user } = entry;
    if (user !== undefined) {
      entry.user = undefined;
      const left = (this.#loggedIn.get(user) ?? 0) - 1;
      if (left > 0) this.#loggedIn.set(user, left);
      else this.#loggedIn.delete(user);
      this.#loggedInCount--;
      return;
    }
    const network = this.#waiting.get(entry.network);
    if (!network?.delete(entry)) return;
    this.#waitingCount--;
    if (network.size === 0) this.#waiting.delete(entry.network);
  }

  #largest(): ReadonlySet<Entry> {
    let largest: ReadonlySet<Entry> = new Set();
    for (const network of this.#waiting.values()) if (network.size > largest.size) largest = network;
    return largest;
  }

  #giveUp(among: ReadonlySet<Entry>): void {
    const [oldest] = among;
    const entry = [...among].find(({ hasHandshake }) => !hasHandshake) ?? oldest;
    if (!entry) return;
    this.#leave(entry);
    entry.close();
  }
}
