import type { Snapshot } from "../store/commits/snapshot.ts";
import { storePath } from "../store/commits/store-path.ts";
import { InvalidAccessFileError } from "./access-file.ts";
import { type GroupName, parseGroup, parseGroupName } from "./group.ts";
import { parseUser, parseUserName, type UserName } from "./user.ts";
import { UserDirectory } from "./user-directory.ts";

const USERS = "users/";
const GROUPS = "groups/";
const SUFFIX = ".toml";
export const userPath = (name: UserName) => storePath(`${USERS}${name}${SUFFIX}`);
export const groupPath = (name: GroupName) => storePath(`${GROUPS}${name}${SUFFIX}`);

/**
 * Reads all users and groups at one commit. The user or group of an invalid file is left out, and `warn` is called with
 * the file's path and the reason.
 */
export async function readDirectory(
  files: Snapshot,
  warn: (path: string, reason: string) => void,
): Promise<UserDirectory> {
  const users = await readAll(files, USERS, parseUserName, parseUser, warn);
  return new UserDirectory(users, await readAll(files, GROUPS, parseGroupName, parseGroup, warn));
}

async function readAll<Name extends string, T>(
  files: Snapshot,
  folder: string,
  parseName: (text: string) => Name | undefined,
  parse: (name: Name, bytes: Uint8Array) => T,
  warn: (path: string, reason: string) => void,
): Promise<T[]> {
  const found: T[] = [];
  for await (const { path } of files.list(folder)) {
    const name = parseName(path.slice(folder.length, -SUFFIX.length));
    const bytes = await files.read(path);
    if (!name || !bytes || !path.endsWith(SUFFIX)) continue;
    try {
      found.push(parse(name, bytes));
    } catch (error) {
      if (!(error instanceof InvalidAccessFileError)) throw error;
      warn(path, error.message);
    }
  }
  return found;
}
