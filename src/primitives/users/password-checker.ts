import { OverloadedError } from "../semaphore.ts";
import { FailureLimiter } from "./failure-limiter.ts";
import { verifyNobody, verifyPassword } from "./passwords.ts";
import { parseUserName, passwordHashes, type User } from "./user.ts";
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
    const name = parseUserName(login);
    let hash: string | undefined;
    try {
      hash = await matchingHash(name && this.#users().get(name), password);
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
}

function subjectOf(login: string, address: string): string {
  return `${login.slice(0, 256)}\n${address}`;
}

async function matchingHash(user: User | undefined, password: string): Promise<string | undefined> {
  const hashes = user ? passwordHashes(user) : [];
  if (hashes.length === 0) await verifyNobody(password);
  for (const hash of hashes) if (await verifyPassword(password, hash)) return hash;
  return undefined;
}
