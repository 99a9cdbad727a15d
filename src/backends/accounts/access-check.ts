import type { AccessPath } from "../../primitives/users/access-path.ts";
import { ROLES, type Role } from "../../primitives/users/role.ts";
import type { UserName } from "../../primitives/users/user.ts";
import type { Reason } from "../../primitives/users/user-directory.ts";
import { type Actor, requireAdministrator } from "../actor.ts";
import { existingUser, type KnownUsers } from "./account-services.ts";

/** Whether a user holds a role on a path, and the grant that decides it. */
export interface AccessRecord {
  readonly role: Role;
  readonly isAllowed: boolean;
  readonly reason: Reason | { readonly kind: "disabled" | "not-granted" };
}

/** Returns one record for each role, weakest first; for administrators, and for the user itself. */
export function checkAccess(
  services: KnownUsers,
  actor: Actor,
  { name, path }: { readonly name: UserName; readonly path: AccessPath },
): AccessRecord[] {
  if (name !== actor.user) requireAdministrator(actor, "a check of another user's access");
  const { isDisabled } = existingUser(services, name);
  const kind = isDisabled ? "disabled" : "not-granted";
  return ROLES.map((role) => {
    const reason = services.users.directory.reasonFor(name, path, role);
    return { role, isAllowed: reason !== undefined, reason: reason ?? { kind } };
  });
}
