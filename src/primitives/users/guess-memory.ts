import { LruCache } from "../bounds/lru-cache.ts";
import { type MonotonicClock, monotonicMs } from "../monotonic-clock.ts";
import type { Guesser } from "./failure-limiter.ts";
import { GuessBudget } from "./guess-budget.ts";

/** Maximal wrong guesses of all networks. A client whose guess was forgotten is counted for it once more. */
const MAX_WRONG = 20_000;
const MAX_USERS = 10_000;
const MAX_NETWORKS_OF_USER = 32;
/** How long a right password is remembered. */
const RIGHT_MS = 24 * 60 * 60 * 1000;
/** A right password could be guessed by asking this memory, so so many a minute may ask for a user at a network. */
const MAX_ASKED = 60;
const ASKED_MS = 60_000;

interface RightGuess {
  readonly network: string;
  readonly key: string;
  /** The stored hash that it matches. */
  readonly hash: string;
  readonly until: number;
}

/**
 * Remembers what was guessed at each network, by the keyed hash of a guess: a client that repeats a wrong password tells it
 * nothing new and is not counted again, and a client that was right is let in while others at its network are locked.
 */
export class GuessMemory {
  readonly #now: MonotonicClock;
  readonly #wrong = new LruCache<string, true>(MAX_WRONG);
  /** By login; the latest first. */
  readonly #right = new LruCache<string, readonly RightGuess[]>(MAX_USERS);
  readonly #asked = new GuessBudget(MAX_ASKED, ASKED_MS);

  constructor(now: MonotonicClock = monotonicMs) {
    this.#now = now;
  }

  noteWrong({ network }: Guesser, key: string): void {
    this.#wrong.set(`${network}\n${key}`, true);
  }

  noteRight({ login, network }: Guesser, key: string, hash: string): void {
    const others = (this.#right.get(login) ?? []).filter((other) => other.network !== network);
    const right = { network, key, hash, until: this.#now() + RIGHT_MS };
    this.#right.set(login, [right, ...others].slice(0, MAX_NETWORKS_OF_USER));
  }

  wasWrong({ network }: Guesser, key: string): boolean {
    return this.#wrong.get(`${network}\n${key}`) ?? false;
  }

  /** The hash that a remembered right guess matches. Counts the question if it is another guess. */
  rightHash({ login, network }: Guesser, key: string): string | undefined {
    const now = this.#now();
    const subject = `${login}\n${network}`;
    if (this.#asked.waitMs(subject, now) > 0) return undefined;
    const right = this.#right.get(login)?.find((other) => other.network === network);
    if (right?.key === key && right.until > now) return right.hash;
    this.#asked.take(subject, now);
    return undefined;
  }
}
