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

/** Bytes of the decisions that are remembered. */
const MAX_DECISION_BYTES = 4 * 1024 * 1024;

/** Why a user may act on a path: the grant that covers it, and who has it. */
export type Reason =
  | { readonly kind: "grant"; readonly grant: Grant; readonly holder: string }
  | { readonly kind: "namesake" };

/** All users and groups at one moment; replaced as a whole when one changes. */
export class UserDirectory {
  readonly #users: ReadonlyMap<UserName, User>;
  readonly #groups: ReadonlyMap<GroupName, Group>;
  readonly #groupsOf = new Map<UserName, Group[]>();
  readonly #fingerprints = new Map<string, string>();
  /** Decisions taken before; the directory never changes, so they hold. */
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

  /** By name. */
  list(): User[] {
    return [...this.#users.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  group(name: GroupName): Group | undefined {
    return this.#groups.get(name);
  }

  /** By name. */
  groups(): Group[] {
    return [...this.#groups.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  groupsOf(name: UserName): readonly Group[] {
    return this.#groupsOf.get(name) ?? [];
  }

  /** The directory with these added or replaced. */
  with({ users = [], groups = [] }: { users?: readonly User[]; groups?: readonly Group[] }): UserDirectory {
    return new UserDirectory([...this.#users.values(), ...users], [...this.#groups.values(), ...groups]);
  }

  without({ user, group }: { user?: UserName; group?: GroupName }): UserDirectory {
    return new UserDirectory(
      this.list().filter(({ name }) => name !== user),
      this.groups().filter(({ name }) => name !== group),
    );
  }

  /** Whether `name` may act in `role` on `path`. */
  allows(name: UserName, path: AccessPath, role: Role): boolean {
    const question = `${name} ${role} ${path}`;
    let decision = this.#decisions.get(question);
    if (decision === undefined) {
      decision = this.reasonFor(name, path, role) !== undefined;
      this.#decisions.set(question, decision);
    }
    return decision;
  }

  /** Why it may: by a grant of its own, of a group or of `anon`, or as its namesake; `undefined` if it may not. */
  reasonFor(name: UserName, path: AccessPath, role: Role): Reason | undefined {
    const user = this.#users.get(name);
    if (!user || user.isDisabled) return undefined;
    if (name !== ANONYMOUS && namespaceOf(path) === name) return { kind: "namesake" };
    for (const { grant, holder } of this.#grantsOf(user)) {
      if (includesRole(grant.role, role) && covers(grant.path, path)) return { kind: "grant", grant, holder };
    }
    return undefined;
  }

  /** The patterns by which `name` may do anything at or below an instance's path, whoever holds the grant. */
  patternsOf(name: UserName, instance: AccessPath): AccessPattern[] {
    const user = this.#users.get(name);
    if (!user || user.isDisabled) return [];
    if (name !== ANONYMOUS && namespaceOf(instance) === name) return [EVERYTHING];
    return [...this.#grantsOf(user)].flatMap(({ grant }) =>
      reaches(grant.path, instance) ? [grant.path] : [],
    );
  }

  /** Whether `name` is itself granted anything at or below an instance's path. */
  reaches(name: UserName, instance: AccessPath): boolean {
    return this.#users.get(name)?.grants.some(({ path }) => reaches(path, instance)) ?? false;
  }

  /** Changes whenever what `name` logs in with changes, for `access` also what it may do; tells nothing of either. */
  fingerprint(name: UserName, of: "credentials" | "access"): string | undefined {
    const user = this.#users.get(name);
    if (!user || user.isDisabled) return undefined;
    const key = `${of} ${name}`;
    let fingerprint = this.#fingerprints.get(key);
    if (!fingerprint) {
      const grants = of === "access" ? [...this.#grantsOf(user)] : [];
      const state = JSON.stringify([user.credentials, grants]);
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

  /** Whether anybody who can open the console is an administrator. */
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
