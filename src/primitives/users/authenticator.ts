import { LruCache } from "../bounds/lru-cache.ts";
import { type MonotonicClock, monotonicMs } from "../monotonic-clock.ts";
import { networkOf } from "../net/client-network.ts";
import { type ApiTokenId, apiTokenHash } from "./api-token.ts";
import { GuessBudget } from "./guess-budget.ts";
import type { PasswordVerdict } from "./password-checker.ts";
import { type ApiTokenCredential, goodCredential, parseUserName, type User, type UserName } from "./user.ts";
import type { UserDirectory } from "./user-directory.ts";

/** Who has logged in; with an API token, which may do less than its user. */
export interface Login {
  readonly user: User;
  readonly token: ApiTokenCredential | undefined;
}

export type LoginResult =
  | ({ readonly kind: "accepted" } & Login)
  | { readonly kind: "refused" }
  | { readonly kind: "limited"; readonly retryAfterSeconds: number };

export interface LoginAttempt {
  readonly login: string;
  readonly password: string;
  /** The client's address, without port: failures count for each user at each address. */
  readonly address: () => string;
  /** The text that the password came in, by which a login that is accepted can be recalled. */
  readonly sent?: string;
  readonly acceptsApiTokens: boolean;
  /** What is logged in to, in words; a failure there is written down. */
  readonly place?: string;
}

/** How long a verified password is believed without running Argon2id again, and how many are remembered. */
const REMEMBER_MS = 5 * 60 * 1000;
const MAX_REMEMBERED = 10_000;
const MAX_NETWORKS = 64;
/** A header can be written in any number of ways; clients that have one password write it in few. */
const MAX_TEXTS = 8;
/**
 * What is remembered could be guessed at much faster than by comparing. So for a minute after a wrong password for a user it
 * holds only where that user was let in, and nowhere that so many were wrong within a minute.
 */
const GUESSED_MS = 60_000;
const MAX_MISSES = 60;
/** Of what each thread counts by itself. */
const SLOTS = 4096;
/** A token in steady use is told this often. */
const TOLD_MS = 60_000;

interface Remembered {
  readonly name: UserName;
  /** The stored hash that matched; when the user's changes, this no longer counts. */
  readonly hash: string;
  /** Where it was let in from, by the password itself. */
  readonly networks: readonly string[];
  /** By the authenticator's clock, as are all times here. */
  readonly until: number;
  /** When the use of a token was last told. */
  told: number;
}

type Check = (
  login: string,
  password: string,
  address: string,
  place: string | undefined,
) => Promise<PasswordVerdict>;

/** Logs in against the current users, for every frontend of a thread, and remembers which passwords were right. */
export class Authenticator {
  readonly #users: () => UserDirectory;
  readonly #check: Check;
  readonly #tokenUsed: (id: ApiTokenId) => void;
  readonly #now: MonotonicClock;
  readonly #secret = crypto.getRandomValues(new Uint8Array(32)).toHex();
  readonly #remembered = new LruCache<string, Remembered>(MAX_REMEMBERED);
  /** By which keys a credential is remembered, by its hash. */
  readonly #keysOf = new LruCache<string, readonly string[]>(MAX_REMEMBERED);
  readonly #guessed = new GuessBudget(1, GUESSED_MS, SLOTS);
  readonly #misses = new GuessBudget(MAX_MISSES, GUESSED_MS, SLOTS);
  /** Until then there may be a user whose password was guessed at. */
  #guessedUntil = Number.NEGATIVE_INFINITY;

  /** `tokenUsed` is told of the use of API tokens, in steady use about once a minute. */
  constructor(
    users: () => UserDirectory,
    check: Check,
    tokenUsed: (id: ApiTokenId) => void,
    now: MonotonicClock = monotonicMs,
  ) {
    this.#users = users;
    this.#check = check;
    this.#tokenUsed = tokenUsed;
    this.#now = now;
  }

  /** Who logged in not long ago with the same header or other text, if that login still holds at the client's address. */
  recall(sent: string, address: () => string): Login | undefined {
    const remembered = this.#remembered.get(this.#key(sent));
    const now = this.#now();
    if (!remembered || remembered.until <= now) return undefined;
    if (this.#guessedUntil > now && !this.#holdsAt(remembered, address, now)) return undefined;
    const login = this.#loginWith(remembered.name, remembered.hash);
    if (login?.token && remembered.told < now - TOLD_MS) {
      remembered.told = now;
      this.#tokenUsed(login.token.id);
    }
    return login;
  }

  async login(attempt: LoginAttempt): Promise<LoginResult> {
    const { login, password, address, sent, acceptsApiTokens, place } = attempt;
    const name = parseUserName(login);
    const tokenHash = acceptsApiTokens ? apiTokenHash(password) : undefined;
    const byToken = name && tokenHash !== undefined ? this.#loginWith(name, tokenHash) : undefined;
    const network = networkOf(address());
    if (name && tokenHash !== undefined && byToken)
      return this.#accept(byToken, { name, hash: tokenHash, network, sent });
    // Counted before it is known to be wrong, or of many that come at once the right one would be recalled meanwhile.
    const takeBack = this.#noteGuess(login, network);
    // A wrong token is slowed and counted like a wrong password.
    const verdict = await this.#check(login, password, address(), place);
    if (verdict.kind !== "matches") return verdict;
    takeBack();
    // Asked only now: the user may have been changed while the password was being checked.
    const current = name && this.#loginWith(name, verdict.hash);
    return name && current
      ? this.#accept(current, { name, hash: verdict.hash, network, sent })
      : { kind: "refused" };
  }

  #accept(
    login: Login,
    {
      name,
      hash,
      network,
      sent,
    }: { name: UserName; hash: string; network: string; sent: string | undefined },
  ): LoginResult {
    if (sent !== undefined) {
      const now = this.#now();
      const key = this.#key(sent);
      const before = this.#remembered.get(key)?.networks ?? [];
      this.#noteKey(hash, key);
      const networks = [network, ...before.filter((other) => other !== network)].slice(0, MAX_NETWORKS);
      this.#remembered.set(key, { name, hash, networks, until: now + REMEMBER_MS, told: now });
    }
    if (login.token) this.#tokenUsed(login.token.id);
    return { kind: "accepted", ...login };
  }

  /** So that one who knows a password can't push out what is remembered of others. */
  #noteKey(hash: string, key: string): void {
    const known = (this.#keysOf.get(hash) ?? []).filter((other) => other !== key);
    const [oldest] = known.length >= MAX_TEXTS ? known : [];
    if (oldest !== undefined) this.#remembered.delete(oldest);
    this.#keysOf.set(hash, [...known.filter((other) => other !== oldest), key]);
  }

  #holdsAt({ name, networks }: Remembered, address: () => string, now: number): boolean {
    if (this.#guessed.waitMs(name, now) === 0) return true;
    const network = networkOf(address());
    return networks.includes(network) && this.#misses.waitMs(`${name}\n${network}`, now) === 0;
  }

  /** What comes back takes it back, for a guess that was right. */
  #noteGuess(login: string, network: string): () => void {
    const now = this.#now();
    this.#guessedUntil = now + GUESSED_MS;
    const taken = [this.#guessed.take(login, now), this.#misses.take(`${login}\n${network}`, now)];
    return () => {
      for (const giveBack of taken) giveBack();
    };
  }

  #loginWith(name: UserName, hash: string): Login | undefined {
    const user = this.#users().get(name);
    const credential = user && goodCredential(user, hash);
    if (!user || !credential) return undefined;
    return { user, token: credential.kind === "api-token" ? credential : undefined };
  }

  /** What was sent is not kept itself. */
  #key(sent: string): string {
    return Bun.SHA256.hash(this.#secret + sent, "hex");
  }
}
