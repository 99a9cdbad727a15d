import { meantHint } from "../../primitives/text/nearest.ts";
import type { Group, GroupName } from "../../primitives/users/group.ts";
import type { PasswordChecker } from "../../primitives/users/password-checker.ts";
import type { User, UserName } from "../../primitives/users/user.ts";
import type { UserRegistry } from "../../primitives/users/user-registry.ts";
import { NotFoundError } from "../refusals.ts";

/** The services that operations on users and groups use. */
export interface AccountServices {
  readonly users: UserRegistry;
}

/** What new passwords must be, and how a user proves the present one. */
export interface PasswordServices {
  /** In characters. */
  readonly passwordMinLength: number;
  readonly passwords: Pick<PasswordChecker, "check">;
}

/** The current users. */
export interface KnownUsers {
  readonly users: Pick<UserRegistry, "directory">;
}

/** Throws `NotFoundError`. */
export function existingUser({ users }: KnownUsers, name: UserName): User {
  const user = users.directory.get(name);
  if (user) return user;
  const logins = users.directory.list().map((known) => known.name);
  throw new NotFoundError(`no user '${name}'`, { hint: meantHint(name, logins) });
}

/** Throws `NotFoundError`. */
export function existingGroup({ users }: KnownUsers, name: GroupName): Group {
  const group = users.directory.group(name);
  if (group) return group;
  const groups = users.directory.groups().map((known) => known.name);
  throw new NotFoundError(`no group '${name}'`, { hint: meantHint(name, groups) });
}
