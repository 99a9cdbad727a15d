import { type Actor, userActor } from "../../src/backends/actor.ts";
import type { Grant } from "../../src/primitives/users/access-file.ts";
import { parseAccessPattern } from "../../src/primitives/users/access-path.ts";
import type { Role } from "../../src/primitives/users/role.ts";
import { ANONYMOUS, type UserName } from "../../src/primitives/users/user.ts";
import { UserDirectory } from "../../src/primitives/users/user-directory.ts";

/** Roles by access path, such as `{ "http/oci/default/team/**": "reader" }`. */
export type Roles = Readonly<Record<string, Role>>;

export const ADMINISTRATOR: Roles = { "*/*/*": "owner" };

/** The user `alice` with roles that a test can change while an operation runs. */
export function actorWith(roles: Roles): Actor & { become(roles: Roles): void } {
  let directory = directoryWith(roles);
  return {
    ...userActor("alice" as UserName, { directory: () => directory, client: "test", remote: "127.0.0.1" }),
    become(changed) {
      directory = directoryWith(changed);
    },
  };
}

/** Users on whose server everybody may do what `roles` say. */
export function usersWithAnonymous(roles: Roles): { readonly directory: UserDirectory } {
  const anonymous = {
    name: ANONYMOUS,
    displayName: "everybody",
    isDisabled: false,
    credentials: [],
    grants: grantsOf(roles),
  };
  return { directory: new UserDirectory([anonymous]) };
}

function directoryWith(roles: Roles): UserDirectory {
  const name = "alice" as UserName;
  const user = { name, displayName: name, isDisabled: false, credentials: [], grants: grantsOf(roles) };
  return new UserDirectory([user]);
}

function grantsOf(roles: Roles): Grant[] {
  return Object.entries(roles).map(([text, role]) => {
    const path = parseAccessPattern(text);
    if (!path) throw new Error(`'${text}' is not an access path`);
    return { path, role };
  });
}
