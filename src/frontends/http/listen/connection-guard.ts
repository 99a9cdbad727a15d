import type { Logger } from "../../../primitives/logging/logger.ts";
import { type MonotonicClock, monotonicMs } from "../../../primitives/monotonic-clock.ts";
import type { OpenSocket, OpenSockets } from "../../../primitives/net/open-sockets.ts";
import { type ConnectionCaps, connectionCaps, excessOf } from "./connection-caps.ts";

/** How often all connections are looked at, in milliseconds. */
const LOOK_MS = 1000;
/** How often it is asked whether so many files are open that it can't wait. */
const ALARM_MS = 100;
/** Under a limit of so few they can all be taken in one turn of the threads' event loops; then this holds as well. */
const FEW_FILES = 4096;
const FEW_FILES_ALARM_MS = 10;
/** Of the files that are left beside the caps, how much may be taken by what waits for one listener. */
const WAITING_PART = 16;
/** Closed connections are reported at once, and then so often at the most. */
const REPORT_MS = 60_000;

/** What the guard does, for metrics. */
export interface GuardCounts {
  /** Connections that are open. */
  connectionsOpen(count: number): void;
  connectionsClosed(count: number): void;
}

export interface ConnectionGuardOptions {
  readonly sockets: Pick<OpenSockets, "limit" | "areAtLeast" | "limitWaiting" | "list" | "idleMs" | "end">;
  /** Where HTTP listens. */
  readonly ports: ReadonlySet<number>;
  /** Connections that one address may have; `undefined`: as many as the limit on open files suggests. */
  readonly perNetwork: number | undefined;
  /** Whether this is a proxy's, behind which there are many clients. */
  readonly isProxy: (address: string) => boolean;
  readonly counts: GuardCounts;
  readonly log: Logger;
  readonly now?: MonotonicClock;
}

/**
 * Keeps the connections of all threads within caps, so that neither one client takes the places of all nor all of them the
 * files that the stores need. Of those too many, the ones that have been idle the longest are closed. It looks from outside
 * because the runtime accepts by itself: what stays within the caps costs nothing.
 */
export class ConnectionGuard {
  readonly #options: ConnectionGuardOptions;
  readonly #caps: ConnectionCaps;
  readonly #now: MonotonicClock;
  readonly #alarm: number;
  #timer: Timer | undefined;
  #looked = Number.NEGATIVE_INFINITY;
  #reported = Number.NEGATIVE_INFINITY;
  /** Not reported yet: how many, and the network that had the most at once. */
  #closed = { count: 0, network: "", most: 0 };

  constructor(options: ConnectionGuardOptions) {
    this.#options = options;
    this.#now = options.now ?? monotonicMs;
    const { limit } = options.sockets;
    this.#caps = connectionCaps(limit, options.perNetwork);
    this.#alarm = Math.min(limit / 2, this.#caps.total * 2);
    if (this.#hasFewFiles) {
      options.log.warn(
        `only ${limit} files may be open at once, so that HTTP serves ${this.#caps.total} connections, ${this.#caps.perNetwork} of one address; raise the limit on open files (ulimit -n)`,
      );
    }
  }

  start(): void {
    this.#timer = setInterval(() => this.tick(), this.#hasFewFiles ? FEW_FILES_ALARM_MS : ALARM_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Looks, if it is time to or too many files are open. */
  tick(): void {
    const now = this.#now();
    if (now - this.#looked < LOOK_MS && !this.#options.sockets.areAtLeast(this.#alarm)) return;
    this.#looked = now;
    this.#look();
    this.#report(now);
  }

  get #hasFewFiles(): boolean {
    return this.#options.sockets.limit < FEW_FILES;
  }

  #look(): void {
    const { sockets, ports, isProxy, counts } = this.#options;
    // Of every thread's listener, also of one that began to listen just now.
    if (this.#hasFewFiles)
      sockets.limitWaiting(ports, Math.ceil((sockets.limit - this.#caps.total) / WAITING_PART));
    const open = sockets.list(ports);
    let closed = 0;
    for (const { network, connections, count } of excessOf(open, this.#caps, isProxy)) {
      for (const connection of this.#longestIdle(connections, count)) sockets.end(connection);
      if (count > this.#closed.most) this.#closed = { ...this.#closed, network, most: count };
      closed += count;
    }
    counts.connectionsOpen(open.length - closed);
    if (closed > 0) counts.connectionsClosed(closed);
    this.#closed.count += closed;
  }

  #longestIdle(connections: readonly OpenSocket[], count: number): readonly OpenSocket[] {
    return connections
      .map((connection) => ({ connection, idle: this.#options.sockets.idleMs(connection) }))
      .sort((a, b) => b.idle - a.idle)
      .slice(0, count)
      .map(({ connection }) => connection);
  }

  #report(now: number): void {
    const { count, network } = this.#closed;
    if (count === 0 || now - this.#reported < REPORT_MS) return;
    this.#reported = now;
    this.#closed = { count: 0, network: "", most: 0 };
    const { total, perNetwork } = this.#caps;
    this.#options.log.warn(
      `closed ${count} HTTP connections, most of them of ${network}: one address may have ${perNetwork} open (--limit-connections), all together ${total}`,
    );
  }
}
