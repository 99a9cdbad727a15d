import type { Store } from "../store/store.ts";
import { storePath } from "../store/store-path.ts";
import { InvalidAccessFileError } from "./access-file.ts";
import { type GroupName, parseGroup, parseGroupName } from "./group.ts";
import { parseUser, parseUserName, type UserName } from "./user.ts";
import { UserDirectory } from "./user-directory.ts";

const USERS = "users/";
const GROUPS = "groups/";
const SUFFIX = ".toml";
export const userPath = (name: UserName) => storePath(`${USERS}${name}${SUFFIX}`);
export const groupPath = (name: GroupName) => storePath(`${GROUPS}${name}${SUFFIX}`);

/** Every user and group of a store; a file that can't be read leaves its user or group out, and is told to `warn`. */
export async function readDirectory(store: Store, warn: (message: string) => void): Promise<UserDirectory> {
  const users = await readAll(store, USERS, parseUserName, parseUser, warn);
  return new UserDirectory(users, await readAll(store, GROUPS, parseGroupName, parseGroup, warn));
}

async function readAll<Name extends string, T>(
  store: Store,
  folder: string,
  parseName: (text: string) => Name | undefined,
  parse: (name: Name, bytes: Uint8Array) => T,
  warn: (message: string) => void,
): Promise<T[]> {
  const found: T[] = [];
  for await (const { path } of store.list(folder)) {
    const name = parseName(path.slice(folder.length, -SUFFIX.length));
    const bytes = await store.read(path);
    if (!name || !bytes || !path.endsWith(SUFFIX)) continue;
    try {
      found.push(parse(name, bytes));
    } catch (error) {
      if (!(error instanceof InvalidAccessFileError)) throw error;
      warn(`${path} in the store ${store.name} is left out: ${error.message}`);
    }
  }
  return found;
}
