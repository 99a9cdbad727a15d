import type { Logger } from "../logging/logger.ts";
import { type MonotonicClock, monotonicMs } from "../monotonic-clock.ts";
import { networkOf } from "../net/client-network.ts";
import { counted } from "../text/counted.ts";

/** A failed login. */
export interface LoginFailure {
  /** As the client sent it. */
  readonly login: string;
  readonly address: string;
  /** What the client logged in to, as text. */
  readonly place: string;
  readonly reason: "wrong" | "locked" | "busy";
  readonly retryAfterSeconds: number;
}

const MINUTE_MS = 60_000;
/** Maximal lines in a minute, for one network and in total. */
const MAX_LINES_OF_NETWORK = 5;
const MAX_LINES = 60;
/** Maximal networks counted separately in a minute. */
const MAX_NETWORKS = 1000;
const MAX_LOGIN = 64;

const REASONS = {
  wrong: "a wrong name or password",
  locked: "too many failures before",
  busy: "too many that wait",
} as const;

/** Logs failed logins: a limited number of lines a minute for each network and in total, then the number of the others. */
export class LoginFailureLog {
  readonly #log: Pick<Logger, "warn">;
  readonly #now: MonotonicClock;
  #began = Number.NEGATIVE_INFINITY;
  #lines = 0;
  readonly #linesOf = new Map<string, number>();
  readonly #left = { wrong: 0, locked: 0, busy: 0 };
  readonly #leftOf = new Map<string, number>();
  #timer: Timer | undefined;

  constructor(log: Pick<Logger, "warn">, now: MonotonicClock = monotonicMs) {
    this.#log = log;
    this.#now = now;
  }

  note(failure: LoginFailure): void {
    if (this.#now() - this.#began >= MINUTE_MS) this.#begin();
    const network = networkOf(failure.address);
    const lines = this.#linesOf.get(network) ?? 0;
    const isLogged = lines < MAX_LINES_OF_NETWORK && this.#lines < MAX_LINES;
    if (!isLogged) {
      this.#left[failure.reason]++;
      increment(this.#leftOf, network);
      return;
    }
    this.#lines++;
    increment(this.#linesOf, network);
    this.#log.warn(lineOf(failure));
  }

  /** Logs the remaining count of the last minute. */
  close(): void {
    clearTimeout(this.#timer);
    this.#summarise();
  }

  #begin(): void {
    this.#summarise();
    this.#began = this.#now();
    this.#lines = 0;
    this.#linesOf.clear();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#summarise(), MINUTE_MS).unref();
  }

  #summarise(): void {
    const counts = Object.entries(this.#left).filter(([, count]) => count > 0);
    if (counts.length === 0) return;
    const all = counts.reduce((sum, [, count]) => sum + count, 0);
    const reasons = counts.map(
      ([reason, count]) => `${count} for ${REASONS[reason as LoginFailure["reason"]]}`,
    );
    const [most] = [...this.#leftOf].sort(([, a], [, b]) => b - a);
    const networks = this.#leftOf.size >= MAX_NETWORKS ? `${MAX_NETWORKS} or more` : this.#leftOf.size;
    const from = networks === 1 ? most?.[0] : `${networks} addresses, most from ${most?.[0]} (${most?.[1]})`;
    this.#log.warn(
      `${counted(all, "more login was", "more logins were")} refused within a minute, ${reasons.join(", ")}; from ${from}`,
    );
    for (const reason of ["wrong", "locked", "busy"] as const) this.#left[reason] = 0;
    this.#leftOf.clear();
  }
}

function increment(counts: Map<string, number>, network: string): void {
  const count = counts.get(network);
  if (count !== undefined || counts.size < MAX_NETWORKS) counts.set(network, (count ?? 0) + 1);
}

function lineOf({ login, address, place, reason, retryAfterSeconds }: LoginFailure): string {
  const name = JSON.stringify(login.length > MAX_LOGIN ? `${login.slice(0, MAX_LOGIN)}…` : login);
  const why = {
    wrong: "wrong user name or password",
    locked: `locked for ${counted(retryAfterSeconds, "second")}`,
    busy: "too many logins wait",
  }[reason];
  return `login of ${name} to ${place} from ${address} refused: ${why}`;
}
