import { OverloadedError } from "../semaphore.ts";
import { FailureLimiter } from "./failure-limiter.ts";
import { verifyNobody, verifyPassword } from "./passwords.ts";
import { parseUserName, passwordHashes } from "./user.ts";
import type { UserDirectory } from "./user-directory.ts";

/** `hash`: the user's stored hash that the password matches. */
export type PasswordVerdict =
  | { readonly kind: "matches"; readonly hash: string }
  | { readonly kind: "refused" }
  | { readonly kind: "limited"; readonly retryAfterSeconds: number };

const OVERLOAD_RETRY_SECONDS = 2;

/** Checks passwords by Argon2id and counts failures: one for all threads and frontends. */
export class PasswordChecker {
  readonly #users: () => UserDirectory;
  readonly #limiter = new FailureLimiter();
  /** Comparisons that have not ended, each by all that its outcome depends on, and by the login. */
  readonly #underWay = new Map<string, Promise<string | undefined>>();
  /** Logins that failed: refused as wrong, or not looked at because too many had been. */
  readonly failures = { refused: 0, limited: 0 };

  constructor(users: () => UserDirectory) {
    this.#users = users;
  }

  /** Seconds until this user may log in again from this address; 0 if it may be tried now. */
  lockedFor(login: string, address: string): number {
    return this.#limiter.lockedFor(subjectOf(login, address));
  }

  /** `address` is the client's, without port: failures count for each user at each address. */
  async check(login: string, password: string, address: string): Promise<PasswordVerdict> {
    const subject = subjectOf(login, address);
    const retryAfterSeconds = this.#limiter.lockedFor(subject);
    if (retryAfterSeconds > 0) {
      this.failures.limited++;
      return { kind: "limited", retryAfterSeconds };
    }
    let hash: string | undefined;
    try {
      hash = await this.#matchingHash(login, password);
    } catch (error) {
      if (!(error instanceof OverloadedError)) throw error;
      this.failures.limited++;
      return { kind: "limited", retryAfterSeconds: OVERLOAD_RETRY_SECONDS };
    }
    if (hash === undefined) {
      this.failures.refused++;
      await Bun.sleep(this.#limiter.fail(subject));
      return { kind: "refused" };
    }
    this.#limiter.clear(subject);
    return { kind: "matches", hash };
  }

  /** A fleet that comes back at once with one password is let in by one comparison, not by one for each machine. */
  #matchingHash(login: string, password: string): Promise<string | undefined> {
    const name = parseUserName(login);
    const user = name && this.#users().get(name);
    const hashes = user ? passwordHashes(user) : [];
    // Unknown names are kept apart as well, or those that are known would be told by taking longer.
    const key = JSON.stringify([login, password, hashes]);
    const known = this.#underWay.get(key);
    if (known !== undefined) return known;
    const comparison = firstMatch(hashes, password).finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, comparison);
    return comparison;
  }
}

function subjectOf(login: string, address: string): string {
  return `${login.slice(0, 256)}\n${address}`;
}

/** Takes as long for a user without any password. */
async function firstMatch(hashes: readonly string[], password: string): Promise<string | undefined> {
  if (hashes.length === 0) await verifyNobody(password);
  for (const hash of hashes) if (await verifyPassword(password, hash)) return hash;
  return undefined;
}
