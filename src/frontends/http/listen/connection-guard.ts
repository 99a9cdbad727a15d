import type { Logger } from "../../../primitives/logging/logger.ts";
import { type MonotonicClock, monotonicMs } from "../../../primitives/monotonic-clock.ts";
import type { OpenSocket, OpenSockets } from "../../../primitives/net/open-sockets.ts";
import { type ConnectionCaps, connectionCaps, excessOf } from "./connection-caps.ts";

/** Interval between scans of all connections. */
const SCAN_MS = 1000;
/** Interval between checks of the number of open files; too many cause a scan at once. */
const ALARM_MS = 100;
/** With a lower limit than this, one turn of the threads' event loops can use up all files, so the guard checks more often. */
const FEW_FILES = 4096;
const FEW_FILES_ALARM_MS = 10;
/** Backlog of one listener, as 1/n of the files that the caps leave free. */
const BACKLOG_PART = 16;
/** Minimal interval between two log lines about closed connections. */
const REPORT_MS = 60_000;

/** Receives the guard's counts for metrics. */
export interface GuardCounts {
  connectionsOpen(count: number): void;
  connectionsClosed(count: number): void;
}

export interface ConnectionGuardOptions {
  readonly sockets: Pick<OpenSockets, "limit" | "areAtLeast" | "limitWaiting" | "list" | "idleMs" | "end">;
  /** The guarded listening ports. */
  readonly ports: ReadonlySet<number>;
  /** Maximal connections of one address; `undefined`: derived from the limit on open files. */
  readonly perNetwork: number | undefined;
  /** Whether the address is a trusted proxy's, which connects for many clients. */
  readonly isProxy: (address: string) => boolean;
  readonly counts: GuardCounts;
  readonly log: Logger;
  readonly now?: MonotonicClock;
}

/**
 * Keeps the connections of all threads within caps, so that one client can't use up all connections, nor all clients the
 * files that the stores need. It closes the connections that have been idle the longest. It scans sockets from outside
 * because the runtime accepts connections by itself; connections within the caps cost nothing.
 */
export class ConnectionGuard {
  readonly #options: ConnectionGuardOptions;
  readonly #caps: ConnectionCaps;
  readonly #now: MonotonicClock;
  readonly #alarm: number;
  #timer: Timer | undefined;
  #lastScan = Number.NEGATIVE_INFINITY;
  #lastReport = Number.NEGATIVE_INFINITY;
  /** Not logged yet: how many, and the network with the most in one scan. */
  #closed = { count: 0, network: "", most: 0 };

  constructor(options: ConnectionGuardOptions) {
    this.#options = options;
    this.#now = options.now ?? monotonicMs;
    const { limit } = options.sockets;
    this.#caps = connectionCaps(limit, options.perNetwork);
    this.#alarm = Math.min(limit / 2, this.#caps.total * 2);
    if (this.#hasFewFiles) {
      options.log.warn(
        `the limit on open files is only ${limit}, so HTTP serves at most ${this.#caps.total} connections, ${this.#caps.perNetwork} from one address; raise it (ulimit -n)`,
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

  /** Scans if a scan is due or too many files are open. */
  tick(): void {
    const now = this.#now();
    if (now - this.#lastScan < SCAN_MS && !this.#options.sockets.areAtLeast(this.#alarm)) return;
    this.#lastScan = now;
    this.#scan();
    this.#report(now);
  }

  get #hasFewFiles(): boolean {
    return this.#options.sockets.limit < FEW_FILES;
  }

  #scan(): void {
    const { sockets, ports, isProxy, counts } = this.#options;
    // In each scan, because a new thread may have begun to listen.
    if (this.#hasFewFiles)
      sockets.limitWaiting(ports, Math.ceil((sockets.limit - this.#caps.total) / BACKLOG_PART));
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
    if (count === 0 || now - this.#lastReport < REPORT_MS) return;
    this.#lastReport = now;
    this.#closed = { count: 0, network: "", most: 0 };
    const { total, perNetwork } = this.#caps;
    this.#options.log.warn(
      `closed ${count} HTTP connections, most of them from ${network}: the limit is ${perNetwork} for one address (--limit-connections) and ${total} in total`,
    );
  }
}
