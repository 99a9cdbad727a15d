import type { Release } from "../release.ts";
import type { FailureLimiter, Guesser } from "./failure-limiter.ts";
import { WaitingLine } from "./waiting-line.ts";

export type Outcome =
  /** `hash` is the stored hash that the password matches. */
  | { readonly kind: "matched"; readonly hash: string }
  | { readonly kind: "wrong" }
  /** Too many failures before; the password was not compared. */
  | { readonly kind: "locked"; readonly waitMs: number }
  /** Too many comparisons are waiting. */
  | { readonly kind: "busy" }
  | { readonly kind: "failed"; readonly error: unknown };

/** A password and the hashes that it may match. */
export interface Guess {
  /** Equal for two guesses exactly if they are the same. */
  readonly key: string;
  /** Resolves with the matching hash, if any; slow. */
  compare(): Promise<string | undefined>;
}

/** The logins with the same guess from one network. */
interface Party {
  readonly guesser: Guesser;
  readonly resolvers: ((outcome: Outcome) => void)[];
  /** Undoes the count of the guess; `undefined` until it is counted. */
  refund: Release | undefined;
}

interface Comparison {
  readonly guess: Guess;
  readonly parties: Map<string, Party>;
  /** Its number of entries in the waiting line. */
  places: number;
  state: "waiting" | "running" | "decided";
}

/** Maximal logins that wait at once: enough for a fleet of clients. */
const MAX_WAITING = 20_000;

/** Runs a few comparisons at once. Each guess is counted before it is compared, and equal guesses share one comparison. */
export class Comparisons {
  readonly #limiter: FailureLimiter;
  readonly #maxRunning: number;
  readonly #line = new WaitingLine<Comparison>();
  readonly #undecided = new Map<string, Comparison>();
  #running = 0;
  #waiting = 0;
  /** Comparisons started. */
  count = 0;

  constructor(limiter: FailureLimiter, maxRunning: number) {
    this.#limiter = limiter;
    this.#maxRunning = maxRunning;
  }

  /** Logins that wait for an outcome. */
  get waiting(): number {
    return this.#waiting;
  }

  async outcomeFor(guesser: Guesser, guess: Guess): Promise<Outcome> {
    const waitMs = this.#limiter.waitMs(guesser);
    if (waitMs > 0) return { kind: "locked", waitMs };
    if (this.#waiting >= MAX_WAITING) return { kind: "busy" };
    this.#waiting++;
    try {
      return await new Promise<Outcome>((resolve) => this.#join(guesser, guess, resolve));
    } finally {
      this.#waiting--;
    }
  }

  #join(guesser: Guesser, guess: Guess, resolve: (outcome: Outcome) => void): void {
    const known = this.#undecided.get(guess.key);
    const comparison: Comparison = known ?? { guess, parties: new Map(), places: 0, state: "waiting" };
    this.#undecided.set(guess.key, comparison);
    const party = comparison.parties.get(guesser.network);
    if (party) {
      party.resolvers.push(resolve);
      return;
    }
    const joined: Party = { guesser, resolvers: [resolve], refund: undefined };
    comparison.parties.set(guesser.network, joined);
    if (comparison.state === "running") {
      joined.refund = this.#limiter.take(guesser, false);
      return;
    }
    // It is queued once for each network, and runs when the first of them gets its turn.
    const standing = this.#limiter.standingOf(guesser);
    comparison.places++;
    const dropped = this.#line.add(comparison, guesser.network, standing);
    if (dropped && --dropped.places === 0 && dropped.state === "waiting")
      this.#decide(dropped, { kind: "busy" });
    this.#runNext();
  }

  #runNext(): void {
    while (this.#running < this.#maxRunning) {
      const comparison = this.#line.next();
      if (!comparison) return;
      comparison.places--;
      if (comparison.state !== "waiting") continue;
      this.#count(comparison);
      if (comparison.parties.size === 0) this.#decide(comparison, { kind: "wrong" });
      else void this.#run(comparison);
    }
  }

  /** Counts the guess for each party, and refuses parties that are locked. */
  #count({ parties }: Comparison): void {
    let isFirst = true;
    for (const [network, party] of parties) {
      const waitMs = this.#limiter.waitMs(party.guesser);
      if (waitMs > 0) {
        parties.delete(network);
        for (const resolve of party.resolvers) resolve({ kind: "locked", waitMs });
      } else {
        party.refund = this.#limiter.take(party.guesser, isFirst);
        isFirst = false;
      }
    }
  }

  async #run(comparison: Comparison): Promise<void> {
    this.#running++;
    this.count++;
    comparison.state = "running";
    const outcome = await outcomeOf(comparison.guess);
    this.#running--;
    for (const { guesser, refund } of comparison.parties.values()) {
      if (outcome.kind === "matched") refund?.();
      else if (outcome.kind === "wrong") this.#limiter.failed(guesser);
    }
    this.#decide(comparison, outcome);
    this.#runNext();
  }

  #decide(comparison: Comparison, outcome: Outcome): void {
    comparison.state = "decided";
    if (this.#undecided.get(comparison.guess.key) === comparison)
      this.#undecided.delete(comparison.guess.key);
    for (const { resolvers } of comparison.parties.values())
      for (const resolve of resolvers) resolve(outcome);
    comparison.parties.clear();
  }
}

async function outcomeOf(guess: Guess): Promise<Outcome> {
  try {
    const hash = await guess.compare();
    return hash === undefined ? { kind: "wrong" } : { kind: "matched", hash };
  } catch (error) {
    return { kind: "failed", error };
  }
}
