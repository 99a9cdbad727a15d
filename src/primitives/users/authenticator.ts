import { LruCache } from "../bounds/lru-cache.ts";
import { type MonotonicClock, monotonicMs } from "../monotonic-clock.ts";
import { networkOf } from "../net/client-network.ts";
import type { Release } from "../release.ts";
import { type ApiTokenId, apiTokenHash } from "./api-token.ts";
import { GuessBudget } from "./guess-budget.ts";
import type { PasswordVerdict } from "./password-checker.ts";
import { type ApiTokenCredential, goodCredential, parseUserName, type User, type UserName } from "./user.ts";
import type { UserDirectory } from "./user-directory.ts";

/** An authenticated user, and the API token if one was used, which may restrict the user's rights. */
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
  /** The text that carried the password, as the cache key of an accepted login. */
  readonly sent?: string;
  readonly acceptsApiTokens: boolean;
  /** What the client logs in to, as text for the log; failures without a place are not logged. */
  readonly place?: string;
}

/** How long a verified password is cached, to avoid another Argon2id comparison, and how many are cached. */
const CACHE_MS = 5 * 60 * 1000;
const MAX_CACHED = 10_000;
const MAX_NETWORKS = 64;
/** Maximal cached headers for one credential: the same password can be sent in many spellings, but clients use few. */
const MAX_TEXTS = 8;
/**
 * Cached logins could be guessed much faster than by comparing hashes. So for a minute after a wrong password for a user, its
 * cached logins count only at networks where it logged in, and not at those with `MAX_MISSES` failures in that time.
 */
const GUESSED_MS = 60_000;
const MAX_MISSES = 60;
/** Slots of the budgets that each thread keeps for itself. */
const SLOTS = 4096;
/** Interval of reports on a token in constant use. */
const REPORT_MS = 60_000;

interface CachedLogin {
  readonly name: UserName;
  /** The stored hash that matched; the entry is invalid once the user no longer has it. */
  readonly hash: string;
  /** The networks from which the password was verified. */
  readonly networks: readonly string[];
  /** End of validity. All times here are of the authenticator's monotonic clock. */
  readonly until: number;
  /** When the use of the token was last reported. */
  reported: number;
}

type Check = (
  login: string,
  password: string,
  address: string,
  place: string | undefined,
) => Promise<PasswordVerdict>;

/** Authenticates users for all frontends of a thread, and caches verified passwords. */
export class Authenticator {
  readonly #users: () => UserDirectory;
  readonly #check: Check;
  readonly #tokenUsed: (id: ApiTokenId) => void;
  readonly #now: MonotonicClock;
  readonly #secret = crypto.getRandomValues(new Uint8Array(32)).toHex();
  readonly #cache = new LruCache<string, CachedLogin>(MAX_CACHED);
  /** The cache keys of each credential, by its hash. */
  readonly #keysOf = new LruCache<string, readonly string[]>(MAX_CACHED);
  readonly #guessed = new GuessBudget(1, GUESSED_MS, SLOTS);
  readonly #misses = new GuessBudget(MAX_MISSES, GUESSED_MS, SLOTS);
  /** Until this time, some user may have had a wrong password within the window. */
  #guessedUntil = Number.NEGATIVE_INFINITY;

  /** `tokenUsed` is called when an API token is used; about once a minute for a token in constant use. */
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

  /** The cached login of the same header or text, if it is still valid at the client's address. */
  recall(sent: string, address: () => string): Login | undefined {
    const cached = this.#cache.get(this.#key(sent));
    const now = this.#now();
    if (!cached || cached.until <= now) return undefined;
    if (this.#guessedUntil > now && !this.#holdsAt(cached, address, now)) return undefined;
    const login = this.#loginWith(cached.name, cached.hash);
    if (login?.token && cached.reported < now - REPORT_MS) {
      cached.reported = now;
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
    // Counted before the comparison: otherwise, of many parallel guesses, the right one could be answered from the cache.
    const refund = this.#noteGuess(login, network);
    // Wrong tokens are delayed and counted like wrong passwords.
    const verdict = await this.#check(login, password, address(), place);
    if (verdict.kind === "limited") return verdict;
    if (verdict.kind === "refused") {
      // A client learns nothing from a repeated guess.
      if (verdict.isRepeat) refund();
      return { kind: "refused" };
    }
    refund();
    // Looked up after the comparison, during which the user may have changed.
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
      const before = this.#cache.get(key)?.networks ?? [];
      this.#noteKey(hash, key);
      const networks = [network, ...before.filter((other) => other !== network)].slice(0, MAX_NETWORKS);
      this.#cache.set(key, { name, hash, networks, until: now + CACHE_MS, reported: now });
    }
    if (login.token) this.#tokenUsed(login.token.id);
    return { kind: "accepted", ...login };
  }

  /** Limits the entries of one credential, so that a client with one password can't evict those of others. */
  #noteKey(hash: string, key: string): void {
    const known = (this.#keysOf.get(hash) ?? []).filter((other) => other !== key);
    const [oldest] = known.length >= MAX_TEXTS ? known : [];
    if (oldest !== undefined) this.#cache.delete(oldest);
    this.#keysOf.set(hash, [...known.filter((other) => other !== oldest), key]);
  }

  #holdsAt({ name, networks }: CachedLogin, address: () => string, now: number): boolean {
    if (this.#guessed.waitMs(name, now) === 0) return true;
    const network = networkOf(address());
    return networks.includes(network) && this.#misses.waitMs(`${name}\n${network}`, now) === 0;
  }

  /** Counts a guess; the returned function undoes that, for a right one. */
  #noteGuess(login: string, network: string): Release {
    const now = this.#now();
    this.#guessedUntil = now + GUESSED_MS;
    const refunds = [this.#guessed.take(login, now), this.#misses.take(`${login}\n${network}`, now)];
    return () => {
      for (const refund of refunds) refund();
    };
  }

  #loginWith(name: UserName, hash: string): Login | undefined {
    const user = this.#users().get(name);
    const credential = user && goodCredential(user, hash);
    if (!user || !credential) return undefined;
    return { user, token: credential.kind === "api-token" ? credential : undefined };
  }

  /** A keyed hash, so that the cache does not hold passwords. */
  #key(sent: string): string {
    return Bun.SHA256.hash(this.#secret + sent, "hex");
  }
}
