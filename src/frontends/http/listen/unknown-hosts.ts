import { LruCache } from "../../../primitives/bounds/lru-cache.ts";
import { type MonotonicClock, monotonicMs } from "../../../primitives/monotonic-clock.ts";

/** A host is reported again after this time. */
const REPEAT_MS = 600_000;
/** Clients choose the hosts, so both the hosts that are remembered and the reports have a limit. */
const MAX_KNOWN = 100;
const MAX_REPORTS = 10;
const WINDOW_MS = 60_000;

/** Reports the host that a client asked for, and the client's address. */
export type ReportHost = (host: string, remote: string) => void;

/** Reports hosts that no registry has: each once in ten minutes, and at most ten a minute. */
export class UnknownHosts {
  readonly #report: ReportHost;
  readonly #now: MonotonicClock;
  /** When each host was reported. */
  readonly #reported = new LruCache<string, number>(MAX_KNOWN);
  #window = { began: Number.NEGATIVE_INFINITY, reports: 0 };

  constructor(report: ReportHost, now: MonotonicClock = monotonicMs) {
    this.#report = report;
    this.#now = now;
  }

  note(host: string, remote: () => string): void {
    const now = this.#now();
    const reported = this.#reported.get(host);
    if (reported !== undefined && now - reported < REPEAT_MS) return;
    if (now - this.#window.began >= WINDOW_MS) this.#window = { began: now, reports: 0 };
    if (this.#window.reports >= MAX_REPORTS) return;
    this.#window.reports++;
    this.#reported.set(host, now);
    this.#report(host, remote());
  }
}

/** Hosts in one line of the log. */
const MAX_LISTED = 20;

/** The line of the log; `served` are the hosts of all registries. */
export function describeUnknownHost(host: string, remote: string, served: readonly string[]): string {
  const listed = served.slice(0, MAX_LISTED).join(", ");
  const rest = served.length > MAX_LISTED ? ` and ${served.length - MAX_LISTED} more` : "";
  const known = served.length === 0 ? "no host is served" : `served are ${listed}${rest}`;
  return `no registry has the host '${host}' that ${remote} asked for; ${known}; add it with '/oci set <registry> vhost=${host}'`;
}
