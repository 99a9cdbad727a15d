import type { Grant } from "../../primitives/users/access-file.ts";
import type { AccessPattern } from "../../primitives/users/access-path.ts";
import type { Group, GroupName } from "../../primitives/users/group.ts";
import type { UserName } from "../../primitives/users/user.ts";
import { type Actor, requireAdministrator } from "../actor.ts";
import { type AccountServices, existingGroup, type KnownUsers } from "./account-services.ts";

/** Lists all groups by name; every user may see them. */
export function listGroups({ users }: KnownUsers): readonly Group[] {
  return users.directory.groups();
}

/** Adds a group without members; for administrators. */
export async function addGroup({ users }: AccountServices, actor: Actor, group: GroupName): Promise<void> {
  requireAdministrator(actor);
  await users.addGroup(actor.identity, group);
}

/** Deletes a group with its grants; for administrators. */
export async function deleteGroup(services: AccountServices, actor: Actor, group: GroupName): Promise<void> {
  requireAdministrator(actor);
  existingGroup(services, group);
  await services.users.deleteGroup(actor.identity, group);
}

export interface Membership {
  readonly group: GroupName;
  readonly member: UserName;
}

/** Makes a user a member of a group; for administrators. Resolves with whether the user was none before. */
export async function assignMember(
  services: AccountServices,
  actor: Actor,
  { group, member }: Membership,
): Promise<boolean> {
  requireAdministrator(actor);
  existingGroup(services, group);
  return services.users.assign(actor.identity, group, member);
}

/** Removes a member from a group; for administrators. */
export async function unassignMember(
  services: AccountServices,
  actor: Actor,
  { group, member }: Membership,
): Promise<void> {
  requireAdministrator(actor);
  existingGroup(services, group);
  await services.users.unassign(actor.identity, group, member);
}

/** Gives all members of a group a role on a path; for administrators. Resolves with whether it is a change. */
export async function grantRoleToGroup(
  services: AccountServices,
  actor: Actor,
  { group, grant }: { readonly group: GroupName; readonly grant: Grant },
): Promise<boolean> {
  requireAdministrator(actor);
  existingGroup(services, group);
  return services.users.grantGroup(actor.identity, group, grant.path, grant.role);
}

/** Removes the grant of a group on a path; for administrators. */
export async function revokeGrantOfGroup(
  services: AccountServices,
  actor: Actor,
  { group, path }: { readonly group: GroupName; readonly path: AccessPattern },
): Promise<void> {
  requireAdministrator(actor);
  existingGroup(services, group);
  await services.users.revokeGroup(actor.identity, group, path);
}
