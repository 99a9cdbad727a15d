import { type MonotonicClock, monotonicMs } from "../monotonic-clock.ts";
import { GuessBudget } from "./guess-budget.ts";
import { KnownNetworks } from "./known-networks.ts";
import type { UserName } from "./user.ts";

const WINDOW_MS = 60_000;
/** Wrong passwords within a minute: of a user at one network, of all others that come from a network, … */
const GUESSES_OF_PAIR = 10;
const GUESSES_OF_NETWORK = 30;
/** … and of a user from all networks together where that user never logged in. */
const GUESSES_OF_STRANGERS = 20;
/** A first guess each, for networks that have not failed before, so that those that have can't use them up. */
const GUESSES_OF_NEWCOMERS = 100;
/** How long a network counts as one that has failed. */
const FAILED_MS = 600_000;
/** Each failure is answered later than the one before, by this step up to that limit. */
const DELAY_STEP_MS = 100;
const MAX_DELAY_MS = 1000;

/** Who guesses: `login` as it was given, from a network as `networkOf` has it. */
export interface Guesser {
  readonly login: string;
  readonly network: string;
}

/** What is known of a network: that the user has logged in from it, nothing, or that a login from it failed lately. */
export type Standing = "known" | "new" | "failed";

/**
 * Counts guesses at passwords before they are compared. Where a user has logged in from before, that user has a budget
 * that no stranger can use up.
 */
export class FailureLimiter {
  readonly #now: MonotonicClock;
  readonly #pairs = new GuessBudget(GUESSES_OF_PAIR, WINDOW_MS);
  readonly #networks = new GuessBudget(GUESSES_OF_NETWORK, WINDOW_MS);
  readonly #strangers = new GuessBudget(GUESSES_OF_STRANGERS, WINDOW_MS);
  readonly #newcomers = new GuessBudget(GUESSES_OF_NEWCOMERS, WINDOW_MS);
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

  /** Milliseconds until another guess will be looked at; 0 if it would be now. */
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
   * Counts a guess. What comes back takes it back, for a guess that was right. The same guess from several networks at once
   * tells no more than one: `isFirst` for one of them.
   */
  take(guesser: Guesser, isFirst: boolean): () => void {
    const now = this.#now();
    const standing = this.standingOf(guesser);
    const taken = [this.#pairs.take(pairOf(guesser), now)];
    if (standing !== "known") {
      taken.push(this.#networks.take(guesser.network, now));
      if (isFirst) taken.push(this.#budgetOfUser(standing).take(guesser.login, now));
    }
    return () => {
      for (const giveBack of taken) giveBack();
    };
  }

  /** A guess that was counted once was wrong, and was made so many times. */
  failed(guesser: Guesser, times = 1): void {
    const now = this.#now();
    for (let i = 1; i < Math.min(times, GUESSES_OF_PAIR); i++) this.#pairs.take(pairOf(guesser), now);
    // From where a user logs in, that user's mistakes do not count against others.
    const isKnown = this.#known.has(guesser.login, guesser.network);
    if (!isKnown) this.#failed.take(guesser.network, now);
  }

  /** How many milliseconds to wait before saying that a guess was wrong. */
  delayMs(guesser: Guesser): number {
    const now = this.#now();
    return Math.min(this.#pairs.used(pairOf(guesser), now) * DELAY_STEP_MS, MAX_DELAY_MS);
  }

  succeeded(name: UserName, network: string): void {
    this.#known.add(name, network);
  }

  #budgetOfUser(standing: "new" | "failed"): GuessBudget {
    return standing === "new" ? this.#newcomers : this.#strangers;
  }
}

function pairOf({ login, network }: Guesser): string {
  return `${login}\n${network}`;
}
