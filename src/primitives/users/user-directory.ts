import { ByteCache } from "../bounds/byte-cache.ts";
import type { Grant } from "./access-file.ts";
import {
  type AccessPath,
  type AccessPattern,
  covers,
  EVERYTHING,
  namespaceOf,
  reaches,
} from "./access-path.ts";
import type { Group, GroupName } from "./group.ts";
import { includesRole, type Role } from "./role.ts";
import { ANONYMOUS, type User, type UserName } from "./user.ts";

/** Capacity of the cache of decisions, in bytes. */
const MAX_DECISION_BYTES = 4 * 1024 * 1024;

/** Why a user has a role on a path: the grant that covers it, and its holder. */
export type Reason =
  | { readonly kind: "grant"; readonly grant: Grant; readonly holder: string }
  | { readonly kind: "namesake" };

/** Users and groups that are added or replaced, and those that are removed. */
export interface DirectoryRewrite {
  readonly users: readonly User[];
  readonly groups: readonly Group[];
  readonly removedUsers: readonly UserName[];
  readonly removedGroups: readonly GroupName[];
}

/** An immutable snapshot of all users and groups. */
export class UserDirectory {
  readonly #users: ReadonlyMap<UserName, User>;
  readonly #groups: ReadonlyMap<GroupName, Group>;
  readonly #groupsOf = new Map<UserName, Group[]>();
  readonly #fingerprints = new Map<string, string>();
  /** Cached decisions; they stay valid because the directory never changes. */
  readonly #decisions = new ByteCache<boolean>(MAX_DECISION_BYTES);

  constructor(users: Iterable<User>, groups: Iterable<Group> = []) {
    const anonymous: User = {
      name: ANONYMOUS,
      displayName: "everybody",
      isDisabled: false,
      credentials: [],
      grants: [],
    };
    this.#users = new Map([anonymous, ...users].map((user) => [user.name, user]));
    this.#groups = new Map([...groups].map((group) => [group.name, group]));
    for (const group of this.#groups.values()) {
      for (const member of group.members) {
        this.#groupsOf.set(member, [...(this.#groupsOf.get(member) ?? []), group]);
      }
    }
  }

  get(name: UserName): User | undefined {
    return this.#users.get(name);
  }

  /** Whether a text is the login of a user. */
  knows(text: string): boolean {
    return this.#users.has(text as UserName);
  }

  /** Sorted by name. */
  list(): User[] {
    return [...this.#users.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  group(name: GroupName): Group | undefined {
    return this.#groups.get(name);
  }

  /** Sorted by name. */
  groups(): Group[] {
    return [...this.#groups.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  groupsOf(name: UserName): readonly Group[] {
    return this.#groupsOf.get(name) ?? [];
  }

  /** A directory with these users and groups added or replaced. */
  with({ users = [], groups = [] }: { users?: readonly User[]; groups?: readonly Group[] }): UserDirectory {
    return new UserDirectory([...this.#users.values(), ...users], [...this.#groups.values(), ...groups]);
  }

  /** A directory with many users and groups changed at once. */
  rewritten({ users, groups, removedUsers, removedGroups }: DirectoryRewrite): UserDirectory {
    const [goneUsers, goneGroups] = [new Set(removedUsers), new Set(removedGroups)];
    return new UserDirectory(
      [...this.#users.values(), ...users].filter(({ name }) => !goneUsers.has(name)),
      [...this.#groups.values(), ...groups].filter(({ name }) => !goneGroups.has(name)),
    );
  }

  without({ user, group }: { user?: UserName; group?: GroupName }): UserDirectory {
    return new UserDirectory(
      this.list().filter(({ name }) => name !== user),
      this.groups().filter(({ name }) => name !== group),
    );
  }

  /** Whether `name` has `role` on `path`. */
  allows(name: UserName, path: AccessPath, role: Role): boolean {
    const question = `${name} ${role} ${path}`;
    let decision = this.#decisions.get(question);
    if (decision === undefined) {
      decision = this.reasonFor(name, path, role) !== undefined;
      this.#decisions.set(question, decision);
    }
    return decision;
  }

  /** Why it has: by its own grant, one of a group or of `anon`, or by having the namespace's name; `undefined` if it has not. */
  reasonFor(name: UserName, path: AccessPath, role: Role): Reason | undefined {
    const user = this.#users.get(name);
    if (!user || user.isDisabled) return undefined;
    if (name !== ANONYMOUS && namespaceOf(path) === name) return { kind: "namesake" };
    for (const { grant, holder } of this.#grantsOf(user)) {
      if (includesRole(grant.role, role) && covers(grant.path, path)) return { kind: "grant", grant, holder };
    }
    return undefined;
  }

  /** The patterns of all grants that give `name` a role at or below an instance's path. */
  patternsOf(name: UserName, instance: AccessPath): AccessPattern[] {
    const user = this.#users.get(name);
    if (!user || user.isDisabled) return [];
    if (name !== ANONYMOUS && namespaceOf(instance) === name) return [EVERYTHING];
    return [...this.#grantsOf(user)].flatMap(({ grant }) =>
      reaches(grant.path, instance) ? [grant.path] : [],
    );
  }

  /** Whether a grant of `name` itself reaches an instance's path or below. */
  reaches(name: UserName, instance: AccessPath): boolean {
    return this.#users.get(name)?.grants.some(({ path }) => reaches(path, instance)) ?? false;
  }

  /**
   * A hash that changes with the password of `name`, with all its credentials or, for `access`, with these and its grants. It
   * reveals none of them.
   */
  fingerprint(name: UserName, of: "password" | "credentials" | "access"): string | undefined {
    const user = this.#users.get(name);
    if (!user || user.isDisabled) return undefined;
    const key = `${of} ${name}`;
    let fingerprint = this.#fingerprints.get(key);
    if (!fingerprint) {
      const grants = of === "access" ? [...this.#grantsOf(user)] : [];
      const credentials =
        of === "password" ? user.credentials.filter(({ kind }) => kind === "password") : user.credentials;
      const state = JSON.stringify([credentials, grants]);
      fingerprint = new Bun.CryptoHasher("sha256").update(state).digest("base64url");
      this.#fingerprints.set(key, fingerprint);
    }
    return fingerprint;
  }

  isAdministrator(name: UserName): boolean {
    const user = this.#users.get(name);
    if (!user || user.isDisabled) return false;
    return [...this.#grantsOf(user)].some(
      ({ grant, holder }) => grant.path === EVERYTHING && grant.role === "owner" && holder !== ANONYMOUS,
    );
  }

  /** Whether any user who can log in to the console is an administrator. */
  hasAdministrator(): boolean {
    return this.list().some(
      ({ name, credentials }) =>
        credentials.some(({ kind }) => kind !== "api-token") && this.isAdministrator(name),
    );
  }

  *#grantsOf(user: User): Generator<{ readonly grant: Grant; readonly holder: string }> {
    for (const grant of user.grants) yield { grant, holder: user.name };
    for (const group of this.groupsOf(user.name))
      for (const grant of group.grants) yield { grant, holder: `the group ${group.name}` };
    if (user.name === ANONYMOUS) return;
    for (const grant of this.#users.get(ANONYMOUS)?.grants ?? []) yield { grant, holder: ANONYMOUS };
  }
}
