import type { Grant } from "../../primitives/users/access-file.ts";
import type { AccessPattern } from "../../primitives/users/access-path.ts";
import type { GroupName } from "../../primitives/users/group.ts";
import type { UserName } from "../../primitives/users/user.ts";
import { type Actor, requireAdministrator } from "../actor.ts";
import { namesakes } from "../namesakes.ts";
import { type AccountServices, existingUser, type KnownUsers } from "./account-services.ts";

/** Everything that gives a user a role, except the grants of `anon`. */
export interface GrantsRecord {
  /** The access path of the registry with the user's name, which the user owns. */
  readonly namesakeOf: string | undefined;
  readonly own: readonly Grant[];
  readonly byGroup: readonly (Grant & { readonly group: GroupName })[];
}

/** Lists the grants of a user; every user may see them. */
export function listGrants(
  services: KnownUsers & { readonly instances: { list(): readonly { readonly name: string }[] } },
  user: UserName,
): GrantsRecord {
  const { name, grants } = existingUser(services, user);
  const { directory } = services.users;
  const isOwner = namesakes(directory, services.instances.list()).includes(name);
  const byGroup = directory
    .groupsOf(name)
    .flatMap((group) => group.grants.map((grant) => ({ ...grant, group: group.name })));
  return { namesakeOf: isOwner ? `http/oci/${name}` : undefined, own: grants, byGroup };
}

/** Grants a user (`anon`: everybody) a role on a path; for administrators. Resolves with whether it is a change. */
export async function grantRole(
  services: AccountServices,
  actor: Actor,
  { name, grant }: { readonly name: UserName; readonly grant: Grant },
): Promise<boolean> {
  requireAdministrator(actor);
  existingUser(services, name);
  return services.users.grant(actor.identity, name, grant.path, grant.role);
}

/** Removes the grant of a user on a path; for administrators. */
export async function revokeGrant(
  services: AccountServices,
  actor: Actor,
  { name, path }: { readonly name: UserName; readonly path: AccessPattern },
): Promise<void> {
  requireAdministrator(actor);
  existingUser(services, name);
  await services.users.revoke(actor.identity, name, path);
}
