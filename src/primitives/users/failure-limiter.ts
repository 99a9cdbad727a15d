import { type MonotonicClock, monotonicMs } from "../monotonic-clock.ts";
import type { Release } from "../release.ts";
import { GuessBudget } from "./guess-budget.ts";
import { KnownNetworks } from "./known-networks.ts";
import { RefillingBudget } from "./refilling-budget.ts";
import type { UserName } from "./user.ts";

const WINDOW_MS = 60_000;
/**
 * Maximal wrong passwords at once, refilled within a minute: for a user at one network, for a network where the users are not
 * known, …
 */
const GUESSES_OF_PAIR = 10;
const GUESSES_OF_NETWORK = 30;
/** … for a user from all networks that failed lately and are not known for it, … */
const GUESSES_OF_STRANGERS = 20;
/** … and for a user from networks that have not failed, so that those that have can't use them up. */
const GUESSES_OF_NEWCOMERS = 100;
/** How long a network counts as failed after a wrong password. */
const FAILED_MS = 600_000;
/** Each failure delays its response by this step more than the one before, up to the maximum. */
const DELAY_STEP_MS = 100;
const MAX_DELAY_MS = 1000;

/** A login as the client sent it, and the client's network (`networkOf`). */
export interface Guesser {
  readonly login: string;
  readonly network: string;
}

/** `known`: the user has logged in from the network; `failed`: a login from it failed lately; `new`: neither. */
export type Standing = "known" | "new" | "failed";

/**
 * Counts password guesses before they are compared. At networks from which a user has logged in before, the user has a
 * budget that other clients can't use up.
 */
export class FailureLimiter {
  readonly #now: MonotonicClock;
  readonly #pairs = new RefillingBudget(GUESSES_OF_PAIR, WINDOW_MS);
  readonly #networks = new RefillingBudget(GUESSES_OF_NETWORK, WINDOW_MS);
  readonly #strangers = new RefillingBudget(GUESSES_OF_STRANGERS, WINDOW_MS);
  readonly #newcomers = new RefillingBudget(GUESSES_OF_NEWCOMERS, WINDOW_MS);
  readonly #failed = new GuessBudget(1, FAILED_MS);
  readonly #known: KnownNetworks;

  constructor(known = new KnownNetworks(), now: MonotonicClock = monotonicMs) {
    this.#known = known;
    this.#now = now;
  }

  standingOf({ login, network }: Guesser): Standing {
    if (this.#known.has(login, network)) return "known";
    return this.#failed.waitMs(network, this.#now()) > 0 ? "failed" : "new";
  }

  /** Milliseconds until the next guess is allowed; 0 if it is allowed now. */
  waitMs(guesser: Guesser): number {
    const now = this.#now();
    const pair = this.#pairs.waitMs(pairOf(guesser), now);
    const standing = this.standingOf(guesser);
    if (standing === "known") return pair;
    return Math.max(
      pair,
      this.#networks.waitMs(guesser.network, now),
      this.#budgetOfUser(standing).waitMs(guesser.login, now),
    );
  }

  /**
   * Counts a guess; the returned function undoes that, for a right one. The same guess from several networks at once counts
   * once for the user: `isFirst` is true for one of them.
   */
  take(guesser: Guesser, isFirst: boolean): Release {
    const now = this.#now();
    const standing = this.standingOf(guesser);
    const refunds = [this.#pairs.take(pairOf(guesser), now)];
    if (standing !== "known") {
      refunds.push(this.#networks.take(guesser.network, now));
      if (isFirst) refunds.push(this.#budgetOfUser(standing).take(guesser.login, now));
    }
    return () => {
      for (const refund of refunds) refund(this.#now());
    };
  }

  /** Notes that a guess was wrong. */
  failed(guesser: Guesser): void {
    // At a user's known network, its mistakes do not count against other users.
    const isKnown = this.#known.has(guesser.login, guesser.network);
    if (!isKnown) this.#failed.take(guesser.network, this.#now());
  }

  /** Milliseconds to wait before the response to a wrong guess. */
  delayMs(guesser: Guesser): number {
    const used = this.#pairs.used(pairOf(guesser), this.#now());
    return Math.min(Math.max(used, 1) * DELAY_STEP_MS, MAX_DELAY_MS);
  }

  succeeded(name: UserName, network: string): void {
    this.#known.add(name, network);
  }

  #budgetOfUser(standing: "new" | "failed"): RefillingBudget {
    return standing === "new" ? this.#newcomers : this.#strangers;
  }
}

function pairOf({ login, network }: Guesser): string {
  return `${login}\n${network}`;
}
