import { LruCache } from "../lru-cache.ts";
import type { PasswordVerdict } from "./password-checker.ts";
import { parseUserName, passwordHashes, type User, type UserName } from "./user.ts";
import type { UserDirectory } from "./user-directory.ts";

export type LoginResult =
  | { readonly kind: "accepted"; readonly user: User }
  | { readonly kind: "refused" }
  | { readonly kind: "limited"; readonly retryAfterSeconds: number };

/** How long a verified password is believed without running Argon2id again, and how many are remembered. */
const REMEMBER_MS = 5 * 60 * 1000;
const MAX_REMEMBERED = 10_000;

interface Remembered {
  readonly name: UserName;
  /** The stored hash that the password matched; when the user's changes, this no longer counts. */
  readonly hash: string;
  readonly until: number;
}

/** Logs in against the current users, for every frontend of a thread, and remembers which passwords were right. */
export class Authenticator {
  readonly #users: () => UserDirectory;
  readonly #check: (login: string, password: string, address: string) => Promise<PasswordVerdict>;
  readonly #secret = crypto.getRandomValues(new Uint8Array(32));
  readonly #remembered = new LruCache<string, Remembered>(MAX_REMEMBERED);

  constructor(
    users: () => UserDirectory,
    check: (login: string, password: string, address: string) => Promise<PasswordVerdict>,
  ) {
    this.#users = users;
    this.#check = check;
  }

  /** Who logged in not long ago with the same header or other text, if that login still holds. */
  recall(sent: string): User | undefined {
    const remembered = this.#remembered.get(this.#key(sent));
    const user = remembered && this.#users().get(remembered.name);
    return user && remembered.until > Date.now() && hasPassword(user, remembered.hash) ? user : undefined;
  }

  /**
   * `address` tells the client's, without port: failures count for each user at each address. `sent` is the text that
   * the password came in, by which a login that is accepted can be recalled.
   */
  async login(login: string, password: string, address: () => string, sent?: string): Promise<LoginResult> {
    const name = parseUserName(login);
    const verdict = await this.#check(login, password, address());
    if (verdict.kind !== "matches") return verdict;
    // Asked again: the user may have been changed while the password was being checked.
    const current = name && this.#users().get(name);
    if (!current || !hasPassword(current, verdict.hash)) return { kind: "refused" };
    if (sent !== undefined) {
      const until = Date.now() + REMEMBER_MS;
      this.#remembered.set(this.#key(sent), { name: current.name, hash: verdict.hash, until });
    }
    return { kind: "accepted", user: current };
  }

  /** What was sent is not kept itself. */
  #key(sent: string): string {
    return new Bun.CryptoHasher("sha256", this.#secret).update(sent).digest("hex");
  }
}

function hasPassword(user: User, hash: string): boolean {
  return passwordHashes(user).includes(hash);
}
