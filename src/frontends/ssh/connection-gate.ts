import { networkOf } from "../../primitives/net/client-network.ts";

export interface GateLimits {
  /** Maximal connections before login, in total and for each network. */
  readonly waiting: number;
  readonly waitingPerNetwork: number;
  /** Maximal connections after login, in total and for each user. */
  readonly loggedIn: number;
  readonly loggedInPerUser: number;
  /** The part of `loggedIn` that only administrators may use. */
  readonly reservedForAdministrators: number;
}

export const GATE_LIMITS: GateLimits = {
  waiting: 128,
  waitingPerNetwork: 32,
  loggedIn: 256,
  loggedInPerUser: 16,
  reservedForAdministrators: 16,
};

/** A counted connection. */
interface Entry {
  readonly network: string;
  readonly close: () => void;
  hasHandshake: boolean;
  user: string | undefined;
}

/** A connection's slot in the gate, from accept to close. */
export interface Place {
  /** Notes the completed key exchange. Connections without one are closed first. */
  handshakeDone(): void;
  /** Counts the connection for the user. Returns an error message if a limit is reached. */
  logIn(user: string, isAdministrator: boolean): string | undefined;
  leave(): void;
}

/**
 * Limits the number of connections. At the limit, a new connection replaces one that has not logged in, so that no client
 * locks others out by holding connections open. It replaces the oldest one without a key exchange, in the network with the
 * most connections.
 */
export class ConnectionGate {
  readonly #limits: GateLimits;
  /** Called when a new connection replaces an old one. */
  readonly #report: (message: string) => void;
  /** Connections before login by network, the oldest first. */
  readonly #waiting = new Map<string, Set<Entry>>();
  readonly #loggedIn = new Map<string, number>();
  #waitingCount = 0;
  #loggedInCount = 0;

  constructor(report: (message: string) => void, limits: GateLimits = GATE_LIMITS) {
    this.#report = report;
    this.#limits = limits;
  }

  /** Adds a connection. `close` is called if a newer one replaces it. */
  enter(address: string, close: () => void): Place {
    const entry: Entry = { network: networkOf(address), close, hasHandshake: false, user: undefined };
    const { waiting, waitingPerNetwork } = this.#limits;
    const own = this.#waiting.get(entry.network);
    if (own && own.size >= waitingPerNetwork) {
      this.#report(
        `${own.size} SSH connections from ${entry.network} have not logged in; a new one replaces the oldest`,
      );
      this.#evict(own);
    } else if (this.#waitingCount >= waiting) {
      const most = this.#largest();
      const [{ network = "" } = {}] = most;
      this.#report(
        `${this.#waitingCount} SSH connections have not logged in, ${most.size} of them from ${network}; a new one replaces the oldest of those`,
      );
      this.#evict(most);
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
    if (!this.#waiting.get(entry.network)?.has(entry)) return "the connection is closed";
    const own = this.#loggedIn.get(user) ?? 0;
    if (own >= loggedInPerUser) return `'${user}' has ${own} open connections, the maximum for one user`;
    if (this.#loggedInCount >= loggedIn - (isAdministrator ? 0 : reservedForAdministrators))
      return `all users have ${this.#loggedInCount} open connections, the maximum in total`;
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

  #evict(among: ReadonlySet<Entry>): void {
    const [oldest] = among;
    const entry = [...among].find(({ hasHandshake }) => !hasHandshake) ?? oldest;
    if (!entry) return;
    this.#leave(entry);
    entry.close();
  }
}
