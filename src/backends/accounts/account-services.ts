import type { Group, GroupName } from "../../primitives/users/group.ts";
import type { User, UserName } from "../../primitives/users/user.ts";
import type { UserRegistry } from "../../primitives/users/user-registry.ts";
import { NotFoundError } from "../refusals.ts";

/** The services that operations on users and groups use. */
export interface AccountServices {
  readonly users: UserRegistry;
}

/** The current users. */
export interface KnownUsers {
  readonly users: Pick<UserRegistry, "directory">;
}

/** Throws `NotFoundError`. */
export function existingUser({ users }: KnownUsers, name: UserName): User {
  const user = users.directory.get(name);
  if (!user) throw new NotFoundError(`no user '${name}'`);
  return user;
}

/** Throws `NotFoundError`. */
export function existingGroup({ users }: KnownUsers, name: GroupName): Group {
  const group = users.directory.group(name);
  if (!group) throw new NotFoundError(`no group '${name}'`);
  return group;
}
