import { Semaphore } from "../bounds/semaphore.ts";
import type { Reloadable, TakeOver } from "../reload.ts";
import { KnownFiles } from "../store/commits/known-files.ts";
import type { Snapshot } from "../store/commits/snapshot.ts";
import type { Store } from "../store/commits/store.ts";
import type { Change } from "../store/commits/tree-edit.ts";
import type { Identity } from "../store/git/commit.ts";
import type { StoreName } from "../store/store-manager.ts";
import { type AccessPattern, EVERYTHING } from "./access-path.ts";
import type { ApiTokenId } from "./api-token.ts";
import { encodeGroup, type Group, type GroupName } from "./group.ts";
import { hashPassword } from "./passwords.ts";
import type { Role } from "./role.ts";
import { fingerprintOf, newKeyFault, type ParsedKey } from "./ssh-key.ts";
import {
  ANONYMOUS,
  type ApiTokenCredential,
  apiTokens,
  type Credential,
  encodeUser,
  sshKeys,
  type User,
  type UserName,
} from "./user.ts";
import {
  describeDifference,
  must,
  mustGroup,
  refuseAnonymous,
  refuseReserved,
  refuseUnseen,
  UserChangeError,
  withGrant,
  withoutGrant,
  withoutMember,
} from "./user-changes.ts";
import type { UserDirectory } from "./user-directory.ts";
import { groupPath, readDirectory, userPath } from "./user-files.ts";

const MAX_WAITING_CHANGES = 1000;
/** All users may add their own, and a login is compared with each; so many of one user. */
const MAX_KEYS = 256;
const MAX_TOKENS = 1000;
/** Where users and groups are kept. */
export const USERS_STORE = "everlock-users" as StoreName;
/** How a user appears as the author of commits. */
export function identityOf(name: UserName): Identity {
  return { name, email: `${name}@everlock` };
}

interface Edit {
  readonly directory: UserDirectory;
  readonly changes: readonly Change[];
}

/**
 * Users and groups, kept as one TOML file each in the store `everlock-users`; each change is a commit by who made it.
 * Methods reject with `UserChangeError` what can't be done.
 */
export class UserRegistry implements Reloadable {
  readonly #store: Store;
  readonly #files: KnownFiles;
  /** One change at a time, each made of what the one before left. */
  readonly #turn = new Semaphore(1, MAX_WAITING_CHANGES);
  #directory: UserDirectory;
  readonly #listeners: (() => void)[] = [];

  private constructor(store: Store, read: Snapshot, directory: UserDirectory) {
    this.#store = store;
    this.#files = new KnownFiles(store, read);
    this.#directory = directory;
  }

  /** A file that can't be read leaves its user or group out, and is told to `warn`. */
  static async load(store: Store, warn: (message: string) => void): Promise<UserRegistry> {
    const read = store.head();
    const directory = await readDirectory(read, (path, reason) =>
      warn(`${path} in the store ${store.name} is left out: ${reason}`),
    );
    return new UserRegistry(store, read, directory);
  }

  /**
   * Reads what stock git has committed to the store. A file that can't be read is refused with all the others, and
   * nothing changes.
   */
  prepareReload<T>(then: (takeOver: TakeOver) => Promise<T>): Promise<T> {
    return this.#turn.run(async () => {
      await this.#store.follow();
      const faults: string[] = [];
      const read = this.#store.head();
      const directory = await readDirectory(read, (path, reason) =>
        faults.push(`${path} in the store ${this.#store.name} is refused: ${reason}`),
      );
      if (faults.length > 0) throw new UserChangeError(faults.join("; "));
      if (!directory.hasAdministrator())
        throw new UserChangeError(`the store ${this.#store.name} has no administrator`);
      return then(() => {
        const changes = describeDifference(this.#directory, directory);
        this.#directory = directory;
        this.#files.replace(read);
        this.#changed();
        return changes;
      });
    });
  }

  get directory(): UserDirectory {
    return this.#directory;
  }

  /** Each `listener` is called before a change is acknowledged. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  async add(actor: Identity, name: UserName, password: string): Promise<void> {
    if (!this.#directory.get(name)) refuseReserved(name);
    const hash = await hashPassword(password);
    await this.#changeUser(actor, name, `add user ${name}`, (user) => {
      if (user || name === ANONYMOUS) throw new UserChangeError(`user '${name}' exists already`);
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
    await this.#changeUser(actor, name, `change the password of ${name}`, (user) => {
      const known = must(user, name);
      const others = known.credentials.filter(({ kind }) => kind !== "password");
      return { ...known, credentials: [{ kind: "password", hash }, ...others] };
    });
  }

  async addKey(actor: Identity, name: UserName, { key, comment }: ParsedKey): Promise<void> {
    refuseAnonymous(name, "has no keys");
    refuseUnseen("the key's comment", comment);
    const fault = newKeyFault(key);
    if (fault) throw new UserChangeError(fault);
    await this.#changeUser(actor, name, `add the key ${fingerprintOf(key)} of ${name}`, (user) => {
      const known = must(user, name);
      if (sshKeys(known).some((credential) => credential.key === key))
        throw new UserChangeError(`user '${name}' has the key ${fingerprintOf(key)} already`);
      if (sshKeys(known).length >= MAX_KEYS)
        throw new UserChangeError(`user '${name}' has ${MAX_KEYS} keys, and may have no more`);
      return { ...known, credentials: [...known.credentials, { kind: "ssh-key", key, comment }] };
    });
  }

  async addToken(actor: Identity, name: UserName, token: ApiTokenCredential): Promise<void> {
    refuseAnonymous(name, "has no tokens");
    refuseUnseen("the token's name", token.name);
    await this.#changeUser(actor, name, `add the API token ${token.id} of ${name}`, (user) => {
      const known = must(user, name);
      if (apiTokens(known).length >= MAX_TOKENS)
        throw new UserChangeError(`user '${name}' has ${MAX_TOKENS} API tokens, and may have no more`);
      return { ...known, credentials: [...known.credentials, token] };
    });
  }

  async removeToken(actor: Identity, name: UserName, id: ApiTokenId): Promise<void> {
    await this.#changeUser(actor, name, `remove the API token ${id} of ${name}`, (user) => {
      const known = must(user, name);
      const credentials = known.credentials.filter((other) => other.kind !== "api-token" || other.id !== id);
      if (credentials.length === known.credentials.length)
        throw new UserChangeError(`user '${name}' has no API token ${id}`);
      return { ...known, credentials };
    });
  }

  /** `fingerprint` as `ssh-keygen -l` shows it. */
  async removeKey(actor: Identity, name: UserName, fingerprint: string): Promise<void> {
    await this.#changeUser(actor, name, `remove the key ${fingerprint} of ${name}`, (user) => {
      const known = must(user, name);
      const isOther = (credential: Credential) =>
        credential.kind !== "ssh-key" || fingerprintOf(credential.key) !== fingerprint;
      const credentials = known.credentials.filter(isOther);
      if (credentials.length === known.credentials.length)
        throw new UserChangeError(`user '${name}' has no key ${fingerprint}`);
      return { ...known, credentials };
    });
  }

  async setDisplayName(actor: Identity, name: UserName, displayName: string): Promise<void> {
    refuseUnseen("the display name", displayName);
    await this.#changeUser(actor, name, `rename ${name} to ${displayName}`, (user) => ({
      ...must(user, name),
      displayName,
    }));
  }

  async setDisabled(actor: Identity, name: UserName, isDisabled: boolean): Promise<void> {
    refuseAnonymous(name, "can't be disabled; revoke its grants instead");
    await this.#changeUser(actor, name, `${isDisabled ? "disable" : "enable"} ${name}`, (user) => {
      const known = must(user, name);
      if (known.isDisabled === isDisabled) {
        throw new UserChangeError(`user '${name}' is ${isDisabled ? "disabled" : "enabled"} already`);
      }
      return { ...known, isDisabled };
    });
  }

  /** What it pushed stays, and so does its name in the history. */
  async delete(actor: Identity, name: UserName): Promise<void> {
    refuseAnonymous(name, "can't be deleted");
    await this.#change(actor, `delete user ${name}`, (directory) => {
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
  async grant(actor: Identity, name: UserName, path: AccessPattern, role: Role): Promise<void> {
    await this.#changeUser(actor, name, `grant ${name} ${role} on ${path}`, (user) => {
      const known = must(user, name);
      return { ...known, grants: withGrant(known.grants, { path, role }) };
    });
  }

  async revoke(actor: Identity, name: UserName, path: AccessPattern): Promise<void> {
    await this.#changeUser(actor, name, `revoke ${path} from ${name}`, (user) => {
      const known = must(user, name);
      return { ...known, grants: withoutGrant(known.grants, path, `user '${name}'`) };
    });
  }

  async addGroup(actor: Identity, name: GroupName): Promise<void> {
    await this.#changeGroup(actor, name, `add group ${name}`, (group) => {
      if (group) throw new UserChangeError(`group '${name}' exists already`);
      return { name, members: [], grants: [] };
    });
  }

  async deleteGroup(actor: Identity, name: GroupName): Promise<void> {
    await this.#change(actor, `delete group ${name}`, (directory) => {
      mustGroup(directory.group(name), name);
      return {
        directory: directory.without({ group: name }),
        changes: [{ path: groupPath(name), content: null }],
      };
    });
  }

  async assign(actor: Identity, name: GroupName, member: UserName): Promise<void> {
    refuseAnonymous(member, "belongs to no group; grant it directly");
    await this.#changeGroup(actor, name, `assign ${member} to the group ${name}`, (group) => {
      const known = mustGroup(group, name);
      this.existing(member);
      if (known.members.includes(member))
        throw new UserChangeError(`'${member}' is in the group '${name}' already`);
      return { ...known, members: [...known.members, member].sort() };
    });
  }

  async unassign(actor: Identity, name: GroupName, member: UserName): Promise<void> {
    await this.#changeGroup(actor, name, `take ${member} out of the group ${name}`, (group) => {
      const known = mustGroup(group, name);
      if (!known.members.includes(member))
        throw new UserChangeError(`'${member}' is not in the group '${name}'`);
      return withoutMember(known, member);
    });
  }

  async grantGroup(actor: Identity, name: GroupName, path: AccessPattern, role: Role): Promise<void> {
    await this.#changeGroup(actor, name, `grant the group ${name} ${role} on ${path}`, (group) => {
      const known = mustGroup(group, name);
      return { ...known, grants: withGrant(known.grants, { path, role }) };
    });
  }

  async revokeGroup(actor: Identity, name: GroupName, path: AccessPattern): Promise<void> {
    await this.#changeGroup(actor, name, `revoke ${path} from the group ${name}`, (group) => {
      const known = mustGroup(group, name);
      return { ...known, grants: withoutGrant(known.grants, path, `group '${name}'`) };
    });
  }

  /** Makes `name` a system administrator if there is none at all; true if it did. */
  async bootstrap(actor: Identity, name: UserName, password: string): Promise<boolean> {
    if (this.#directory.hasAdministrator()) return false;
    if (!this.#directory.get(name)) refuseReserved(name);
    const hash = await hashPassword(password);
    await this.#changeUser(actor, name, `bootstrap the administrator ${name}`, (user) => ({
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
    return must(this.#directory.get(name), name);
  }

  /** Throws `UserChangeError` if there is no such group. */
  existingGroup(name: GroupName): Group {
    return mustGroup(this.#directory.group(name), name);
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }

  #changeUser(
    actor: Identity,
    name: UserName,
    message: string,
    edit: (user: User | undefined) => User,
  ): Promise<void> {
    return this.#change(actor, message, (directory) => {
      const user = edit(directory.get(name));
      const changes = [{ path: userPath(name), content: encodeUser(user) }];
      return { directory: directory.with({ users: [user] }), changes };
    });
  }

  #changeGroup(
    actor: Identity,
    name: GroupName,
    message: string,
    edit: (group: Group | undefined) => Group,
  ): Promise<void> {
    return this.#change(actor, message, (directory) => {
      const group = edit(directory.group(name));
      const changes = [{ path: groupPath(name), content: encodeGroup(group) }];
      return { directory: directory.with({ groups: [group] }), changes };
    });
  }

  async #change(actor: Identity, message: string, edit: (directory: UserDirectory) => Edit): Promise<void> {
    await this.#turn.run(async () => {
      const { directory, changes } = edit(this.#directory);
      if (this.#directory.hasAdministrator() && !directory.hasAdministrator()) {
        throw new UserChangeError("that would leave no administrator: the last one must stay one");
      }
      await this.#files.commit(changes, { author: actor, message });
      this.#directory = directory;
      this.#changed();
    });
  }
}
