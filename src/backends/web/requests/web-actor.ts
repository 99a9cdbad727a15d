import { type AccessPath, covers } from "../../../primitives/users/access-path.ts";
import { includesRole, type Role } from "../../../primitives/users/role.ts";
import { ANONYMOUS } from "../../../primitives/users/user.ts";
import type { UserDirectory } from "../../../primitives/users/user-directory.ts";
import { identityOf } from "../../../primitives/users/user-registry.ts";
import type { Permission } from "../../../registry/model/access.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Actor } from "../../actor.ts";
import { TokenAccess } from "../../oci-http/access/token-access.ts";
import type { WebLogin } from "./web-calls.ts";

const PERMISSION_FOR: Readonly<Record<Role, Permission>> = {
  reader: "pull",
  writer: "push",
  owner: "delete",
};

interface WebActorOptions {
  readonly directory: () => UserDirectory;
  /** The User-Agent. */
  readonly client: string;
  readonly remote: string;
}

/** The actor of a request: the user, within what the token of the request allows; what `anon` may do is always allowed. */
export function webActor(
  { user, limit, claims, isPersonal = false }: WebLogin,
  { directory, client, remote }: WebActorOptions,
): Actor {
  const token = claims && new TokenAccess(claims);
  const isWithin = (path: AccessPath, role: Role): boolean => {
    if (limit && !(includesRole(limit.role, role) && covers(limit.path, path))) return false;
    const [, , , ...name] = path.split("/");
    return !token || token.allows(PERMISSION_FOR[role], name.join("/") as RepositoryName);
  };
  return {
    user,
    identity: identityOf(user),
    client,
    remote,
    isPersonal,
    isAdministrator: () => !limit && !token && directory().isAdministrator(user),
    allows: (path, role) => directory().allows(isWithin(path, role) ? user : ANONYMOUS, path, role),
    patternsIn: (instance) =>
      limit
        ? [limit.path, ...directory().patternsOf(ANONYMOUS, instance)]
        : directory().patternsOf(user, instance),
  };
}
