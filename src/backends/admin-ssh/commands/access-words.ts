import { type AccessPattern, parseAccessPattern } from "../../../primitives/users/access-path.ts";
import { parseRole, ROLES, type Role } from "../../../primitives/users/role.ts";
import { parseUserName, type UserName } from "../../../primitives/users/user.ts";
import { userNameFault } from "../../../primitives/users/user-name-fault.ts";
import type { Parameter } from "./command.ts";
import { ConsoleError } from "./console-error.ts";

const REGISTRIES = "http/oci/";
const REPOSITORY_PATH = /^http\/oci\/([^/]+)\/(.*)$/;

export const LOGIN: Parameter = {
  name: "login",
  candidates: (names) => names.logins(),
};
/** Without it, the user who is logged in. */
export const OWN_LOGIN: Parameter = { ...LOGIN, optional: true };
export const PATH: Parameter = {
  name: "path",
  candidates: async (names, { text }) => {
    const [, registry, repository = ""] = text.match(REPOSITORY_PATH) ?? [];
    if (registry === undefined) return names.registries().map(({ name }) => `${REGISTRIES}${name}`);
    const repositories = await names.repositories(registry, repository);
    return repositories.map((name) => `${REGISTRIES}${registry}/${name}`);
  },
};
export const ROLE: Parameter = { name: "role", candidates: () => ROLES };

/** Confirms a command in advance. */
export const YES = "--yes";

/** The words of a command without `--yes`, and whether it was given. */
export function withoutYes(words: readonly string[]): { words: readonly string[]; isSure: boolean } {
  const others = words.filter((word) => word !== YES);
  return { words: others, isSure: others.length < words.length };
}

/** Whether the only word, if any, is `--yes`. Throws `ConsoleError` for another one. */
export function readYes(words: readonly string[]): boolean {
  const { words: others, isSure } = withoutYes(words);
  if (others[0] !== undefined) throw new ConsoleError(`'${others[0]}' is not ${YES}`);
  return isSure;
}

export function readLogin(text: string): UserName {
  const name = parseUserName(text);
  if (name) return name;
  throw new ConsoleError(`'${text}' is not a login: ${userNameFault(text)}`);
}

export function readPath(text: string): AccessPattern {
  const path = parseAccessPattern(text);
  if (path) return path;
  throw new ConsoleError(
    `'${text}' is not an access path; use frontend/backend/namespace, such as http/oci/default`,
  );
}

export function readRole(text: string): Role {
  const role = parseRole(text);
  if (role) return role;
  throw new ConsoleError(`'${text}' is not a role; use one of ${ROLES.join(", ")}`);
}
