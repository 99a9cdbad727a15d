import { LruCache } from "../lru-cache.ts";
import { OverloadedError } from "../semaphore.ts";
import { FailureLimiter } from "./failure-limiter.ts";
import { verifyNobody, verifyPassword } from "./passwords.ts";
import { parseUserName, type User } from "./user.ts";
import type { UserDirectory } from "./user-directory.ts";

export type LoginResult =
  | { readonly kind: "accepted"; readonly user: User }
  | { readonly kind: "refused" }
  | { readonly kind: "limited"; readonly retryAfterSeconds: number };

/** How long a verified password is believed without running Argon2id again, and how many are remembered. */
const REMEMBER_MS = 5 * 60 * 1000;
const MAX_REMEMBERED = 10_000;
const OVERLOAD_RETRY_SECONDS = 2;

interface Remembered {
  /** The stored hash that the password matched; when the user's changes, this no longer counts. */
  readonly hash: string;
  readonly until: number;
}

/** Checks passwords against the current users, for every frontend. */
export class Authenticator {
  readonly #users: () => UserDirectory;
  readonly #key = crypto.getRandomValues(new Uint8Array(32));
  readonly #remembered = new LruCache<string, Remembered>(MAX_REMEMBERED);
  readonly #failures = new FailureLimiter();

  constructor(users: () => UserDirectory) {
    this.#users = users;
  }

  /** `address` tells the client's, without port: failures count for each user at each address. */
  async login(login: string, password: string, address: () => string): Promise<LoginResult> {
    const name = parseUserName(login);
    const user = name && this.#users().get(name);
    const key = this.#cacheKey(login, password);
    const remembered = this.#remembered.get(key);
    if (user && remembered && remembered.until > Date.now() && hasPassword(user, remembered.hash)) {
      return { kind: "accepted", user };
    }

    const subject = `${login.slice(0, 256)}\n${address()}`;
    const retryAfterSeconds = this.#failures.lockedFor(subject);
    if (retryAfterSeconds > 0) return { kind: "limited", retryAfterSeconds };
    let hash: string | undefined;
    try {
      hash = await matchingHash(user, password);
    } catch (error) {
      if (error instanceof OverloadedError)
        return { kind: "limited", retryAfterSeconds: OVERLOAD_RETRY_SECONDS };
      throw error;
    }
    // Asked again: the user may have been changed while the password was being checked.
    const current = name && this.#users().get(name);
    if (!current || hash === undefined || !hasPassword(current, hash)) {
      await Bun.sleep(this.#failures.fail(subject));
      return { kind: "refused" };
    }
    this.#failures.clear(subject);
    this.#remembered.set(key, { hash, until: Date.now() + REMEMBER_MS });
    return { kind: "accepted", user: current };
  }

  #cacheKey(login: string, password: string): string {
    return new Bun.CryptoHasher("sha256", this.#key).update(`${login}\0${password}`).digest("hex");
  }
}

function hasPassword(user: User, hash: string): boolean {
  return user.credentials.some((credential) => credential.hash === hash);
}

async function matchingHash(user: User | undefined, password: string): Promise<string | undefined> {
  const hashes = user?.credentials.map((credential) => credential.hash) ?? [];
  if (hashes.length === 0) await verifyNobody(password);
  for (const hash of hashes) if (await verifyPassword(password, hash)) return hash;
  return undefined;
}
