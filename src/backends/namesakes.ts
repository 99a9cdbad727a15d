import type { UserName } from "../primitives/users/user.ts";
import { ANONYMOUS } from "../primitives/users/user.ts";
import type { UserDirectory } from "../primitives/users/user-directory.ts";

interface Named {
  readonly name: string;
}

/** Whether a user of this name owns a registry of this name without a grant. */
export function isNamesake(user: UserName, registry: string): boolean {
  return user !== ANONYMOUS && (user as string) === registry;
}

/** The users that own a registry without a grant because it has their name. */
export function namesakes(users: UserDirectory, registries: readonly Named[]): UserName[] {
  const names = new Set(registries.map(({ name }) => name));
  return users.list().flatMap(({ name }) => (name !== ANONYMOUS && names.has(name) ? name : []));
}

/** The warning to confirm before a user and a registry have the same name. */
export function namesakeWarning(name: string, made: "user" | "registry"): string {
  const exists = made === "user" ? `a registry '${name}' exists` : `a user '${name}' exists`;
  return `${exists}: the user would own the registry '${name}' because it has the same name`;
}
