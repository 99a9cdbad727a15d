import { failureOf } from "../errors/failure.ts";
import type { Logger } from "../logging/logger.ts";
import { hashPassword, isWholeForBcrypt, verifyPassword } from "./passwords.ts";
import { type Credential, passwordHashes, type UserName } from "./user.ts";
import { identityOf, type UserRegistry } from "./user-registry.ts";

/** Stores passwords of imported users as Argon2id when they are first used. */
export class PasswordRenewal {
  readonly #users: Pick<UserRegistry, "directory" | "rewrite">;
  readonly #log: Pick<Logger, "warn">;
  /** By the former hash: a fleet of clients may log in at once. */
  readonly #underWay = new Map<string, Promise<string>>();

  constructor(users: Pick<UserRegistry, "directory" | "rewrite">, log: Pick<Logger, "warn">) {
    this.#users = users;
    this.#log = log;
  }

  /** Resolves with the hash that the user has for the password now; the former one if that can't be replaced. */
  renew(name: UserName, password: string, former: string): Promise<string> {
    const underWay = this.#underWay.get(former) ?? this.#renew(name, password, former);
    this.#underWay.set(former, underWay);
    return underWay.finally(() => this.#underWay.delete(former));
  }

  async #renew(name: UserName, password: string, former: string): Promise<string> {
    if (!isWholeForBcrypt(password)) return former;
    try {
      if (this.#hashesOf(name).includes(former)) {
        const hash = await hashPassword(password);
        if (await this.#replace(name, former, hash)) return hash;
      }
      // Another login has replaced it meanwhile.
      for (const hash of this.#hashesOf(name)) if (await verifyPassword(password, hash)) return hash;
      return former;
    } catch (error) {
      // On a full disk, for example: the login is right all the same.
      this.#log.warn(`the password of '${name}' stays stored as bcrypt for now: ${failureOf(error).detail}`);
      return former;
    }
  }

  /** Resolves with whether the user still had the former hash. */
  #replace(name: UserName, former: string, hash: string): Promise<boolean> {
    const replaced = (credential: Credential): Credential =>
      credential.kind === "password" && credential.hash === former ? { kind: "password", hash } : credential;
    return this.#users.rewrite(identityOf(name), `store the password of ${name} as Argon2id`, (directory) => {
      const user = directory.get(name);
      const isThere = user && passwordHashes(user).includes(former);
      const users = isThere ? [{ ...user, credentials: user.credentials.map(replaced) }] : [];
      return { users, groups: [], removedUsers: [], removedGroups: [] };
    });
  }

  #hashesOf(name: UserName): readonly string[] {
    const user = this.#users.directory.get(name);
    return user ? passwordHashes(user) : [];
  }
}
