import { Semaphore } from "../bounds/semaphore.ts";
import type { TakeOver } from "../reload.ts";
import { KnownFiles } from "../store/commits/known-files.ts";
import type { Snapshot } from "../store/commits/snapshot.ts";
import type { Store } from "../store/commits/store.ts";
import type { Change } from "../store/commits/tree-edit.ts";
import type { Identity } from "../store/git/commit.ts";
import { encodeGroup, type Group, type GroupName } from "./group.ts";
import { encodeUser, type User, type UserName } from "./user.ts";
import { describeDifference, UserChangeError } from "./user-changes.ts";
import type { DirectoryRewrite, UserDirectory } from "./user-directory.ts";
import { groupPath, readDirectory, userPath } from "./user-files.ts";

const MAX_WAITING_CHANGES = 1000;

/** A changed directory, and the files that differ. */
export interface DirectoryEdit {
  readonly directory: UserDirectory;
  readonly changes: readonly Change[];
}

/** The users and groups of a store, one TOML file each, with one change at a time as a commit. */
export class StoredDirectory {
  readonly #store: Store;
  readonly #files: KnownFiles;
  /** One change at a time, each based on the one before. */
  readonly #turn = new Semaphore(1, MAX_WAITING_CHANGES);
  #directory: UserDirectory;
  readonly #listeners: (() => void)[] = [];

  private constructor(store: Store, read: Snapshot, directory: UserDirectory) {
    this.#store = store;
    this.#files = new KnownFiles(store, read);
    this.#directory = directory;
  }

  /** A file that can't be read leaves its user or group out, and is told to `warn`. */
  static async load(store: Store, warn: (message: string) => void): Promise<StoredDirectory> {
    const read = store.head();
    const directory = await readDirectory(read, (path, reason) =>
      warn(`${path} in the store ${store.name} is left out: ${reason}`),
    );
    return new StoredDirectory(store, read, directory);
  }

  get current(): UserDirectory {
    return this.#directory;
  }

  /** Each `listener` is called before a change is acknowledged. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
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
      if (faults.length > 0) throw new UserChangeError(faults.join("; "), { kind: "unusable" });
      if (!directory.hasAdministrator())
        throw new UserChangeError(`the store ${this.#store.name} has no administrator`, { kind: "unusable" });
      return then(() => {
        const changes = describeDifference(this.#directory, directory);
        this.#directory = directory;
        this.#files.replace(read);
        this.#changed();
        return changes;
      });
    });
  }

  changeUser(
    actor: Identity,
    name: UserName,
    message: string,
    edit: (user: User | undefined) => User,
  ): Promise<boolean> {
    return this.change(actor, message, (directory) => {
      const known = directory.get(name);
      const user = edit(known);
      if (Bun.deepEquals(user, known)) return undefined;
      const changes = [{ path: userPath(name), content: encodeUser(user) }];
      return { directory: directory.with({ users: [user] }), changes };
    });
  }

  changeGroup(
    actor: Identity,
    name: GroupName,
    message: string,
    edit: (group: Group | undefined) => Group,
  ): Promise<boolean> {
    return this.change(actor, message, (directory) => {
      const known = directory.group(name);
      const group = edit(known);
      if (Bun.deepEquals(group, known)) return undefined;
      const changes = [{ path: groupPath(name), content: encodeGroup(group) }];
      return { directory: directory.with({ groups: [group] }), changes };
    });
  }

  /** Changes many users and groups in one commit. */
  rewrite(
    actor: Identity,
    message: string,
    edit: (directory: UserDirectory) => DirectoryRewrite,
  ): Promise<boolean> {
    return this.change(actor, message, (directory) => {
      const plan = edit(directory);
      const changes = [
        ...plan.users.map((user) => ({ path: userPath(user.name), content: encodeUser(user) })),
        ...plan.groups.map((group) => ({ path: groupPath(group.name), content: encodeGroup(group) })),
        ...plan.removedUsers.map((name) => ({ path: userPath(name), content: null })),
        ...plan.removedGroups.map((name) => ({ path: groupPath(name), content: null })),
      ];
      return changes.length === 0 ? undefined : { directory: directory.rewritten(plan), changes };
    });
  }

  /**
   * Resolves with whether there was anything to change; without, there is no commit. Rejects with `UserChangeError` what
   * would leave no administrator.
   */
  change(
    actor: Identity,
    message: string,
    edit: (directory: UserDirectory) => DirectoryEdit | undefined,
  ): Promise<boolean> {
    return this.#files.change(() =>
      this.#turn.run(async () => {
        const edited = edit(this.#directory);
        if (!edited) return false;
        const { directory, changes } = edited;
        if (this.#directory.hasAdministrator() && !directory.hasAdministrator()) {
          throw new UserChangeError("that would leave no administrator: the last one must stay one");
        }
        await this.#files.commit(changes, { author: actor, message });
        this.#directory = directory;
        this.#changed();
        return true;
      }),
    );
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}
