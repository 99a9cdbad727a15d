import { Semaphore } from "../semaphore.ts";
import type { Identity } from "../store/git/commit.ts";
import type { Store } from "../store/store.ts";
import type { StoreName } from "../store/store-manager.ts";
import { storePath } from "../store/store-path.ts";
import { type AccessPattern, EVERYTHING } from "./access-path.ts";
import { hashPassword } from "./passwords.ts";
import type { Role } from "./role.ts";
import {
  ANONYMOUS,
  encodeUser,
  InvalidUserError,
  parseUser,
  parseUserName,
  type User,
  type UserName,
} from "./user.ts";
import { UserDirectory } from "./user-directory.ts";

/** A change of users that can't be made, in words for who asked for it. */
export class UserChangeError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "UserChangeError";
  }
}

const MAX_WAITING_CHANGES = 1000;
/** Where the users are kept. */
export const USERS_STORE = "everlock-users" as StoreName;
const FOLDER = "users/";
const SUFFIX = ".toml";
const pathOf = (name: UserName) => storePath(`${FOLDER}${name}${SUFFIX}`);

/** How a user appears as the author of commits. */
export function identityOf(name: UserName): Identity {
  return { name, email: `${name}@everlock` };
}

/** The users, kept as one TOML file each in the store `everlock-users`; each change is a commit by who made it. */
export class UserRegistry {
  readonly #store: Store;
  /** One change at a time, each made of what the one before left. */
  readonly #turn = new Semaphore(1, MAX_WAITING_CHANGES);
  #directory: UserDirectory;
  #onChange: () => void = () => undefined;

  private constructor(store: Store, directory: UserDirectory) {
    this.#store = store;
    this.#directory = directory;
  }

  /** A file that can't be read leaves its user out, who then can't log in, and is told to `warn`. */
  static async load(store: Store, warn: (message: string) => void): Promise<UserRegistry> {
    const users: User[] = [];
    for await (const { path } of store.list(FOLDER)) {
      const name = parseUserName(path.slice(FOLDER.length, -SUFFIX.length));
      const bytes = await store.read(path);
      if (!name || !bytes || !path.endsWith(SUFFIX)) continue;
      try {
        users.push(parseUser(name, bytes));
      } catch (error) {
        if (!(error instanceof InvalidUserError)) throw error;
        warn(`${path} in the store ${store.name} is left out: ${error.message}`);
      }
    }
    return new UserRegistry(store, new UserDirectory(users));
  }

  get directory(): UserDirectory {
    return this.#directory;
  }

  /** `listener` is called before a change is acknowledged. */
  onChange(listener: () => void): void {
    this.#onChange = listener;
  }

  async add(actor: Identity, name: UserName, password: string): Promise<void> {
    const hash = await hashPassword(password);
    await this.#change(actor, name, `add user ${name}`, (user) => {
      if (user || name === ANONYMOUS) throw new UserChangeError(`user '${name}' exists already`);
      return { name, displayName: name, credentials: [{ kind: "password", hash }], grants: [] };
    });
  }

  async setPassword(actor: Identity, name: UserName, password: string): Promise<void> {
    if (name === ANONYMOUS)
      throw new UserChangeError(`'${ANONYMOUS}' stands for everybody and has no password`);
    this.existing(name);
    const hash = await hashPassword(password);
    await this.#change(actor, name, `change the password of ${name}`, (user) => ({
      ...must(user, name),
      credentials: [{ kind: "password", hash }],
    }));
  }

  /** Gives a role on a path, replacing the one held on the same path. */
  async grant(actor: Identity, name: UserName, path: AccessPattern, role: Role): Promise<void> {
    await this.#change(actor, name, `grant ${name} ${role} on ${path}`, (user) => {
      const known = must(user, name);
      return { ...known, grants: [...known.grants.filter((grant) => grant.path !== path), { path, role }] };
    });
  }

  async revoke(actor: Identity, name: UserName, path: AccessPattern): Promise<void> {
    await this.#change(actor, name, `revoke ${path} from ${name}`, (user) => {
      const known = must(user, name);
      const grants = known.grants.filter((grant) => grant.path !== path);
      if (grants.length === known.grants.length)
        throw new UserChangeError(`user '${name}' has no grant on '${path}'`);
      return { ...known, grants };
    });
  }

  /** Makes `name` a system administrator if there is none at all; true if it did. */
  async bootstrap(actor: Identity, name: UserName, password: string): Promise<boolean> {
    if (this.#directory.hasAdministrator()) return false;
    const hash = await hashPassword(password);
    await this.#change(actor, name, `bootstrap the administrator ${name}`, (user) => ({
      name,
      displayName: user?.displayName ?? name,
      credentials: [{ kind: "password", hash }],
      grants: [{ path: EVERYTHING, role: "owner" }],
    }));
    return true;
  }

  /** Throws `UserChangeError` if there is no such user. */
  existing(name: UserName): User {
    return must(this.#directory.get(name), name);
  }

  async #change(
    actor: Identity,
    name: UserName,
    message: string,
    edit: (user: User | undefined) => User,
  ): Promise<void> {
    await this.#turn.run(async () => {
      const user = edit(this.#directory.get(name));
      const changed = this.#directory.with(user);
      if (this.#directory.isAdministrator(name) && !changed.hasAdministrator()) {
        throw new UserChangeError(`'${name}' is the last administrator and must stay one`);
      }
      await this.#store.write(pathOf(name), encodeUser(user), { author: actor, message });
      this.#directory = changed;
      this.#onChange();
    });
  }
}

function must(user: User | undefined, name: UserName): User {
  if (!user) throw new UserChangeError(`no user '${name}'`);
  return user;
}
