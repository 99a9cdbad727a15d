import { LruCache } from "../lru-cache.ts";
import { type AccessPath, covers, EVERYTHING, namespaceOf, reaches } from "./access-path.ts";
import { includesRole, type Role } from "./role.ts";
import { ANONYMOUS, type User, type UserName } from "./user.ts";

const MAX_DECISIONS = 20_000;

/** All users at one moment; replaced as a whole when one changes. */
export class UserDirectory {
  readonly #users: ReadonlyMap<UserName, User>;
  readonly #fingerprints = new Map<string, string>();
  /** Decisions taken before; the directory never changes, so they hold. */
  readonly #decisions = new LruCache<string, boolean>(MAX_DECISIONS);

  constructor(users: Iterable<User>) {
    const anonymous: User = { name: ANONYMOUS, displayName: "everybody", credentials: [], grants: [] };
    this.#users = new Map([anonymous, ...users].map((user) => [user.name, user]));
  }

  get(name: UserName): User | undefined {
    return this.#users.get(name);
  }

  /** By name. */
  list(): User[] {
    return [...this.#users.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** The directory with this user added or replaced. */
  with(user: User): UserDirectory {
    return new UserDirectory([...this.#users.values(), user]);
  }

  /** Whether `name` may act in `role` on `path`: by own grant, by one of `anon`'s, or as its namesake. */
  allows(name: UserName, path: AccessPath, role: Role): boolean {
    const question = `${name} ${role} ${path}`;
    let decision = this.#decisions.get(question);
    if (decision === undefined) {
      decision = this.#decide(name, path, role);
      this.#decisions.set(question, decision);
    }
    return decision;
  }

  #decide(name: UserName, path: AccessPath, role: Role): boolean {
    const user = this.#users.get(name);
    if (!user) return false;
    if (name !== ANONYMOUS && namespaceOf(path) === name) return true;
    const grants = [...user.grants, ...(this.#users.get(ANONYMOUS)?.grants ?? [])];
    return grants.some((grant) => includesRole(grant.role, role) && covers(grant.path, path));
  }

  /** Whether `name` is granted anything at or below an instance's path. */
  reaches(name: UserName, instance: AccessPath): boolean {
    return this.#users.get(name)?.grants.some(({ path }) => reaches(path, instance)) ?? false;
  }

  /** Changes whenever what `name` logs in with changes, for `access` also what it may do; tells nothing of either. */
  fingerprint(name: UserName, of: "credentials" | "access"): string | undefined {
    const user = this.#users.get(name);
    if (!user) return undefined;
    const key = `${of} ${name}`;
    let fingerprint = this.#fingerprints.get(key);
    if (!fingerprint) {
      const grants = of === "access" ? [user.grants, this.#users.get(ANONYMOUS)?.grants] : [];
      const state = JSON.stringify([user.credentials, grants]);
      fingerprint = new Bun.CryptoHasher("sha256").update(state).digest("base64url");
      this.#fingerprints.set(key, fingerprint);
    }
    return fingerprint;
  }

  isAdministrator(name: UserName): boolean {
    return (
      this.#users.get(name)?.grants.some(({ path, role }) => path === EVERYTHING && role === "owner") ?? false
    );
  }

  hasAdministrator(): boolean {
    return this.list().some((user) => this.isAdministrator(user.name));
  }
}
