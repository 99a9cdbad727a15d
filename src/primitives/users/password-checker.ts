import { availableParallelism } from "node:os";
import { networkOf } from "../net/client-network.ts";
import { Comparisons, type Guess, type Outcome } from "./comparisons.ts";
import { FailureLimiter, type Guesser } from "./failure-limiter.ts";
import { GuessMemory } from "./guess-memory.ts";
import type { LoginFailure } from "./login-failure-log.ts";
import { isBcrypt, MAX_PASSWORD_LENGTH, verifyNobody, verifyPassword } from "./passwords.ts";
import { parseUserName, passwordHashes, type UserName } from "./user.ts";
import type { UserDirectory } from "./user-directory.ts";

/** `hash` is the user's stored hash that the password matches. */
export type PasswordVerdict =
  | { readonly kind: "matches"; readonly hash: string }
  /** `isRepeat`: the client's network sent the same wrong password before. */
  | { readonly kind: "refused"; readonly isRepeat?: boolean }
  | { readonly kind: "limited"; readonly retryAfterSeconds: number };

const BUSY_RETRY_SECONDS = 2;
/** User names are shorter; longer logins with the same prefix count together. */
const MAX_LOGIN_LENGTH = 256;
/** Each comparison uses a whole thread. A flood of logins leaves half of the cores free. */
const MAX_CONCURRENT = Math.max(1, Math.floor(availableParallelism() / 2));

export interface PasswordCheckerOptions {
  readonly limiter?: FailureLimiter;
  /** Maximal comparisons at once. */
  readonly maxConcurrent?: number;
  /** Delays the response to a wrong password. */
  readonly delay?: (ms: number) => Promise<void>;
  /** Called for each failed login that has a place. */
  readonly failed?: (failure: LoginFailure) => void;
  /**
   * Stores the hash again of a password that matched a hash of another kind; resolves with the hash that the user has for it from then on.
   */
  readonly renew?: (name: UserName, password: string, hash: string) => Promise<string>;
}

/** Checks passwords with Argon2id and limits guesses. All threads and frontends share one. */
export class PasswordChecker {
  readonly #users: () => UserDirectory;
  readonly #limiter: FailureLimiter;
  readonly #comparisons: Comparisons;
  readonly #memory = new GuessMemory();
  readonly #delay: (ms: number) => Promise<void>;
  readonly #failed: ((failure: LoginFailure) => void) | undefined;
  readonly #renew: PasswordCheckerOptions["renew"];
  readonly #secret = crypto.getRandomValues(new Uint8Array(32));
  /** Failed logins: `refused` as wrong, or `limited` without a comparison after too many failures. */
  readonly failures = { refused: 0, limited: 0 };

  constructor(users: () => UserDirectory, options: PasswordCheckerOptions = {}) {
    this.#users = users;
    this.#limiter = options.limiter ?? new FailureLimiter();
    this.#comparisons = new Comparisons(this.#limiter, options.maxConcurrent ?? MAX_CONCURRENT);
    this.#failed = options.failed;
    this.#renew = options.renew;
    this.#delay = options.delay ?? Bun.sleep;
  }

  /** Argon2id comparisons since the server started. */
  get comparisons(): number {
    return this.#comparisons.count;
  }

  /** Logins that wait for a comparison. */
  get waiting(): number {
    return this.#comparisons.waiting;
  }

  /** `address` is the client's, without port; `place` is the text for the failure log, if failures are to be logged. */
  async check(login: string, password: string, address: string, place?: string): Promise<PasswordVerdict> {
    const guesser = guesserOf(login, address);
    const guess = this.#guessOf(login, password);
    const isRepeat = this.#memory.wasWrong(guesser, guess.key);
    const outcome: Outcome = isRepeat ? { kind: "wrong" } : await this.#outcomeFor(guesser, guess);
    const tell = (reason: LoginFailure["reason"], retryAfterSeconds: number) =>
      place !== undefined && this.#failed?.({ login, address, place, reason, retryAfterSeconds });
    switch (outcome.kind) {
      case "matched": {
        const name = parseUserName(login);
        if (name) this.#limiter.succeeded(name, guesser.network);
        const { hash } = outcome;
        const renewed = name && this.#renew && isBcrypt(hash) ? this.#renew(name, password, hash) : hash;
        return { kind: "matches", hash: await renewed };
      }
      case "wrong":
        this.failures.refused++;
        tell("wrong", 0);
        await this.#delay(this.#limiter.delayMs(guesser));
        return { kind: "refused", isRepeat };
      case "locked":
      case "busy": {
        this.failures.limited++;
        const retryAfterSeconds =
          outcome.kind === "busy" ? BUSY_RETRY_SECONDS : Math.ceil(outcome.waitMs / 1000);
        tell(outcome.kind, retryAfterSeconds);
        return { kind: "limited", retryAfterSeconds };
      }
      case "failed":
        throw outcome.error;
    }
  }

  async #outcomeFor(guesser: Guesser, guess: Guess): Promise<Outcome> {
    const outcome = await this.#comparisons.outcomeFor(guesser, guess);
    if (outcome.kind === "wrong") this.#memory.noteWrong(guesser, guess.key);
    if (outcome.kind === "matched") this.#memory.noteRight(guesser, guess.key, outcome.hash);
    if (outcome.kind !== "locked") return outcome;
    const hash = this.#memory.rightHash(guesser, guess.key);
    return hash === undefined ? outcome : { kind: "matched", hash };
  }

  /** A fleet of clients that reconnects with one password shares one comparison. */
  #guessOf(login: string, password: string): Guess {
    const name = parseUserName(login);
    const user = name && this.#users().get(name);
    const hashes = user ? passwordHashes(user) : [];
    // The key includes unknown names too; otherwise response times would reveal which names exist.
    const all = JSON.stringify([login, password, hashes]);
    const key = new Bun.CryptoHasher("sha256", this.#secret).update(all).digest("base64");
    // No stored password is longer, and comparing a longer one would take more time.
    const compared = password.slice(0, MAX_PASSWORD_LENGTH + 1);
    return { key, compare: () => firstMatch(hashes, compared) };
  }
}

function guesserOf(login: string, address: string): Guesser {
  return { login: login.slice(0, MAX_LOGIN_LENGTH), network: networkOf(address) };
}

/** Takes the same time for a user without a password. */
async function firstMatch(hashes: readonly string[], password: string): Promise<string | undefined> {
  if (hashes.length === 0) await verifyNobody(password);
  for (const hash of hashes) if (await verifyPassword(password, hash)) return hash;
  return undefined;
}
