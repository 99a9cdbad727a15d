import type { FailureLimiter, Guesser } from "./failure-limiter.ts";
import { WaitingLine } from "./waiting-line.ts";

export type Outcome =
  /** `hash` is the one that the password matches. */
  | { readonly kind: "matched"; readonly hash: string }
  | { readonly kind: "wrong" }
  /** Too many were wrong before; this one was not looked at. */
  | { readonly kind: "locked"; readonly waitMs: number }
  /** Too many wait already. */
  | { readonly kind: "busy" }
  | { readonly kind: "failed"; readonly error: unknown };

/** A password and all that it may match. */
export interface Guess {
  /** The same for the same guess, and only then. */
  readonly key: string;
  /** The matching hash; slow. */
  compare(): Promise<string | undefined>;
}

/** Those who make the same guess at one network. */
interface Party {
  readonly guesser: Guesser;
  readonly settle: ((outcome: Outcome) => void)[];
  /** Takes back what was counted; known once it was counted. */
  giveBack: (() => void) | undefined;
}

interface Comparison {
  readonly guess: Guess;
  readonly parties: Map<string, Party>;
  /** In the line. */
  places: number;
  state: "waiting" | "running" | "decided";
}

/** Who may wait for the end of comparisons at once: a fleet may, but not without end. */
const MAX_WAITING = 20_000;

/** Runs few comparisons at once, each guess counted before it is compared, and lets all who make the same guess share one. */
export class Comparisons {
  readonly #limiter: FailureLimiter;
  readonly #maxRunning: number;
  readonly #line = new WaitingLine<Comparison>();
  readonly #undecided = new Map<string, Comparison>();
  #running = 0;
  #waiting = 0;
  /** That were begun. */
  count = 0;

  constructor(limiter: FailureLimiter, maxRunning: number) {
    this.#limiter = limiter;
    this.#maxRunning = maxRunning;
  }

  /** Those who wait. */
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

  #join(guesser: Guesser, guess: Guess, settle: (outcome: Outcome) => void): void {
    const known = this.#undecided.get(guess.key);
    const comparison: Comparison = known ?? { guess, parties: new Map(), places: 0, state: "waiting" };
    this.#undecided.set(guess.key, comparison);
    const party = comparison.parties.get(guesser.network);
    if (party) {
      party.settle.push(settle);
      return;
    }
    const joined: Party = { guesser, settle: [settle], giveBack: undefined };
    comparison.parties.set(guesser.network, joined);
    if (comparison.state === "running") {
      joined.giveBack = this.#limiter.take(guesser, false);
      return;
    }
    // It has a place in the line of each network, and is run at the first of them.
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

  /** Counts the guess for each party, and turns away those that have none left. */
  #count({ parties }: Comparison): void {
    let isFirst = true;
    for (const [network, party] of parties) {
      const waitMs = this.#limiter.waitMs(party.guesser);
      if (waitMs > 0) {
        parties.delete(network);
        for (const settle of party.settle) settle({ kind: "locked", waitMs });
      } else {
        party.giveBack = this.#limiter.take(party.guesser, isFirst);
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
    for (const { guesser, settle, giveBack } of comparison.parties.values()) {
      if (outcome.kind === "matched") giveBack?.();
      else if (outcome.kind === "wrong") this.#limiter.failed(guesser, settle.length);
    }
    this.#decide(comparison, outcome);
    this.#runNext();
  }

  #decide(comparison: Comparison, outcome: Outcome): void {
    comparison.state = "decided";
    if (this.#undecided.get(comparison.guess.key) === comparison)
      this.#undecided.delete(comparison.guess.key);
    for (const { settle } of comparison.parties.values()) for (const each of settle) each(outcome);
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
