import type { Reloadable, TakeOver } from "../reload.ts";
import type { Store } from "../store/commits/store.ts";
import type { Identity } from "../store/git/commit.ts";
import type { StoreName } from "../store/store-manager.ts";
import { type AccessPattern, EVERYTHING } from "./access-path.ts";
import type { ApiTokenId } from "./api-token.ts";
import type { SessionClaim } from "./ended-sessions.ts";
import { encodeGroup, type Group, type GroupName } from "./group.ts";
import { hashPassword } from "./passwords.ts";
import type { Role } from "./role.ts";
import { fingerprintOf, newKeyFault, type ParsedKey } from "./ssh-key.ts";
import { StoredDirectory } from "./stored-directory.ts";
import {
  ANONYMOUS,
  type ApiTokenCredential,
  apiTokens,
  type Credential,
  hasExpired,
  sshKeys,
  type User,
  type UserName,
  withoutExpired,
} from "./user.ts";
import {
  must,
  mustGroup,
  refuseAnonymous,
  refuseReserved,
  refuseUnseen,
  UserChangeError,
  withGrant,
  withoutGrant,
  withoutMember,
  withoutSession,
} from "./user-changes.ts";
import type { UserDirectory } from "./user-directory.ts";
import { groupPath, userPath } from "./user-files.ts";

/** All users may add their own, and a login is compared with each; so many of one user. */
export const MAX_KEYS = 256;
const MAX_TOKENS = 1000;
const EXISTS = { kind: "unchanged" } as const;
const MISSING = { kind: "not-found" } as const;
const FULL = { kind: "conflict" } as const;
/** Where users and groups are kept. */
export const USERS_STORE = "everlock-users" as StoreName;
/** How a user appears as the author of commits. An `@` is encoded, since an address has one outside of quotes. */
export function identityOf(name: UserName): Identity {
  return { name, email: `${name.replace("@", "%40")}@everlock` };
}

/**
 * Users and groups, kept as one TOML file each in the store `everlock-users`; each change is a commit by who made it.
 * Methods reject with `UserChangeError` what can't be done. Those that set a state resolve with whether it was another.
 */
export class UserRegistry implements Reloadable {
  readonly #stored: StoredDirectory;

  private constructor(stored: StoredDirectory) {
    this.#stored = stored;
  }

  /** A file that can't be read leaves its user or group out, and is told to `warn`. */
  static async load(store: Store, warn: (message: string) => void): Promise<UserRegistry> {
    return new UserRegistry(await StoredDirectory.load(store, warn));
  }

  /** See `StoredDirectory`. */
  prepareReload<T>(then: (takeOver: TakeOver) => Promise<T>): Promise<T> {
    return this.#stored.prepareReload(then);
  }

  get directory(): UserDirectory {
    return this.#stored.current;
  }

  /** Each `listener` is called before a change is acknowledged. */
  onChange(listener: () => void): void {
    this.#stored.onChange(listener);
  }

  async add(actor: Identity, name: UserName, password: string): Promise<void> {
    if (!this.directory.get(name)) refuseReserved(name);
    const hash = await hashPassword(password);
    await this.#stored.changeUser(actor, name, `add user ${name}`, (user) => {
      if (user || name === ANONYMOUS) throw new UserChangeError(`user '${name}' exists already`, EXISTS);
      return {
        name,
        displayName: name,
        isDisabled: false,
        credentials: [{ kind: "password", hash }],
        grants: [],
      };
    });
  }

  async setPassword(actor: Identity, name: UserName, password: string): Promise<void> {
    refuseAnonymous(name, "has no password");
    this.existing(name);
    const hash = await hashPassword(password);
    await this.#stored.changeUser(actor, name, `change the password of ${name}`, (user) => {
      const known = must(user, name);
      const others = known.credentials.filter(({ kind }) => kind !== "password");
      return { ...known, credentials: [{ kind: "password", hash }, ...others] };
    });
  }

  async addKey(actor: Identity, name: UserName, { key, comment }: ParsedKey): Promise<void> {
    refuseAnonymous(name, "has no keys");
    refuseUnseen("the key's comment", comment);
    const fault = newKeyFault(key);
    if (fault) throw new UserChangeError(fault, { kind: "invalid" });
    await this.#stored.changeUser(actor, name, `add the key ${fingerprintOf(key)} of ${name}`, (user) => {
      const known = must(user, name);
      if (sshKeys(known).some((credential) => credential.key === key))
        throw new UserChangeError(`user '${name}' has the key ${fingerprintOf(key)} already`, EXISTS);
      if (sshKeys(known).length >= MAX_KEYS)
        throw new UserChangeError(`user '${name}' has ${MAX_KEYS} keys, and may have no more`, FULL);
      return { ...known, credentials: [...known.credentials, { kind: "ssh-key", key, comment }] };
    });
  }

  /** `isUnique`: refuses a second valid token of the same name. */
  async addToken(
    actor: Identity,
    name: UserName,
    token: ApiTokenCredential,
    { isUnique = false } = {},
  ): Promise<void> {
    refuseAnonymous(name, "has no tokens");
    refuseUnseen("the token's name", token.name);
    await this.#stored.changeUser(actor, name, `add the API token ${token.id} of ${name}`, (user) => {
      const known = must(user, name);
      if (isUnique && apiTokens(known).some((other) => other.name === token.name && !hasExpired(other)))
        throw new UserChangeError(`user '${name}' has an API token '${token.name}' already`, EXISTS);
      const isFull = apiTokens(known).length >= MAX_TOKENS;
      const credentials = isFull ? withoutExpired(known.credentials) : known.credentials;
      if (isFull && credentials.length === known.credentials.length)
        throw new UserChangeError(`user '${name}' has ${MAX_TOKENS} API tokens, and may have no more`, FULL);
      return { ...known, credentials: [...credentials, token] };
    });
  }

  async removeToken(actor: Identity, name: UserName, id: ApiTokenId): Promise<void> {
    await this.#stored.changeUser(actor, name, `remove the API token ${id} of ${name}`, (user) => {
      const known = must(user, name);
      const credentials = known.credentials.filter((other) => other.kind !== "api-token" || other.id !== id);
      if (credentials.length === known.credentials.length)
        throw new UserChangeError(`user '${name}' has no API token ${id}`, MISSING);
      return { ...known, credentials };
    });
  }

  /** `fingerprint` as `ssh-keygen -l` shows it. */
  async removeKey(actor: Identity, name: UserName, fingerprint: string): Promise<void> {
    await this.#stored.changeUser(actor, name, `remove the key ${fingerprint} of ${name}`, (user) => {
      const known = must(user, name);
      const isOther = (credential: Credential) =>
        credential.kind !== "ssh-key" || fingerprintOf(credential.key) !== fingerprint;
      const credentials = known.credentials.filter(isOther);
      if (credentials.length === known.credentials.length)
        throw new UserChangeError(`user '${name}' has no key ${fingerprint}`, MISSING);
      return { ...known, credentials };
    });
  }

  /** Ends a session of the pages on all nodes, before its time. */
  async endSession(actor: Identity, name: UserName, session: SessionClaim): Promise<void> {
    await this.#stored.changeUser(actor, name, `sign out ${name}`, (user) =>
      withoutSession(must(user, name), session),
    );
  }

  async setDisplayName(actor: Identity, name: UserName, displayName: string): Promise<boolean> {
    refuseUnseen("the display name", displayName);
    return this.#stored.changeUser(actor, name, `rename ${name} to ${displayName}`, (user) => ({
      ...must(user, name),
      displayName,
    }));
  }

  async setDisabled(actor: Identity, name: UserName, isDisabled: boolean): Promise<boolean> {
    refuseAnonymous(name, "can't be disabled; revoke its grants instead");
    return this.#stored.changeUser(actor, name, `${isDisabled ? "disable" : "enable"} ${name}`, (user) => {
      return { ...must(user, name), isDisabled };
    });
  }

  /** What it pushed stays, and so does its name in the history. */
  async delete(actor: Identity, name: UserName): Promise<void> {
    refuseAnonymous(name, "can't be deleted");
    await this.#stored.change(actor, `delete user ${name}`, (directory) => {
      must(directory.get(name), name);
      const groups = directory.groupsOf(name).map((group) => withoutMember(group, name));
      return {
        directory: directory.with({ groups }).without({ user: name }),
        changes: [
          { path: userPath(name), content: null },
          ...groups.map((group) => ({ path: groupPath(group.name), content: encodeGroup(group) })),
        ],
      };
    });
  }

  /** Gives a role on a path, replacing the one held on the same path. */
  async grant(actor: Identity, name: UserName, path: AccessPattern, role: Role): Promise<boolean> {
    return this.#stored.changeUser(actor, name, `grant ${name} ${role} on ${path}`, (user) => {
      const known = must(user, name);
      return { ...known, grants: withGrant(known.grants, { path, role }) };
    });
  }

  async revoke(actor: Identity, name: UserName, path: AccessPattern): Promise<void> {
    await this.#stored.changeUser(actor, name, `revoke ${path} from ${name}`, (user) => {
      const known = must(user, name);
      return { ...known, grants: withoutGrant(known.grants, path, `user '${name}'`) };
    });
  }

  async addGroup(actor: Identity, name: GroupName): Promise<void> {
    await this.#stored.changeGroup(actor, name, `add group ${name}`, (group) => {
      if (group) throw new UserChangeError(`group '${name}' exists already`, EXISTS);
      return { name, members: [], grants: [] };
    });
  }

  async deleteGroup(actor: Identity, name: GroupName): Promise<void> {
    await this.#stored.change(actor, `delete group ${name}`, (directory) => {
      mustGroup(directory.group(name), name);
      return {
        directory: directory.without({ group: name }),
        changes: [{ path: groupPath(name), content: null }],
      };
    });
  }

  async assign(actor: Identity, name: GroupName, member: UserName): Promise<boolean> {
    refuseAnonymous(member, "belongs to no group; grant it directly");
    return this.#stored.changeGroup(actor, name, `assign ${member} to the group ${name}`, (group) => {
      const known = mustGroup(group, name);
      this.existing(member);
      if (known.members.includes(member)) return known;
      return { ...known, members: [...known.members, member].sort() };
    });
  }

  async unassign(actor: Identity, name: GroupName, member: UserName): Promise<void> {
    await this.#stored.changeGroup(actor, name, `take ${member} out of the group ${name}`, (group) => {
      const known = mustGroup(group, name);
      if (!known.members.includes(member))
        throw new UserChangeError(`'${member}' is not in the group '${name}'`, MISSING);
      return withoutMember(known, member);
    });
  }

  async grantGroup(actor: Identity, name: GroupName, path: AccessPattern, role: Role): Promise<boolean> {
    return this.#stored.changeGroup(actor, name, `grant the group ${name} ${role} on ${path}`, (group) => {
      const known = mustGroup(group, name);
      return { ...known, grants: withGrant(known.grants, { path, role }) };
    });
  }

  async revokeGroup(actor: Identity, name: GroupName, path: AccessPattern): Promise<void> {
    await this.#stored.changeGroup(actor, name, `revoke ${path} from the group ${name}`, (group) => {
      const known = mustGroup(group, name);
      return { ...known, grants: withoutGrant(known.grants, path, `group '${name}'`) };
    });
  }

  /** Changes many users and groups in one commit, as `edit` says of the newest state. Resolves with whether any differ. */
  rewrite(...args: Parameters<StoredDirectory["rewrite"]>): Promise<boolean> {
    return this.#stored.rewrite(...args);
  }

  /** Makes `name` a system administrator if there is none at all; true if it did. */
  async bootstrap(actor: Identity, name: UserName, password: string): Promise<boolean> {
    if (this.directory.hasAdministrator()) return false;
    if (!this.directory.get(name)) refuseReserved(name);
    const hash = await hashPassword(password);
    await this.#stored.changeUser(actor, name, `bootstrap the administrator ${name}`, (user) => ({
      name,
      displayName: user?.displayName ?? name,
      isDisabled: false,
      credentials: [{ kind: "password", hash }],
      grants: [{ path: EVERYTHING, role: "owner" }],
    }));
    return true;
  }

  /** Throws `UserChangeError` if there is no such user. */
  existing(name: UserName): User {
    return must(this.directory.get(name), name);
  }

  /** Throws `UserChangeError` if there is no such group. */
  existingGroup(name: GroupName): Group {
    return mustGroup(this.directory.group(name), name);
  }
}
