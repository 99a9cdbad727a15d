import type { Grant } from "../../primitives/users/access-file.ts";
import { type AccessPath, covers, namespaceOf } from "../../primitives/users/access-path.ts";
import { ROLES, type Role } from "../../primitives/users/role.ts";
import { ANONYMOUS } from "../../primitives/users/user.ts";
import type { Page } from "../../registry/model/page.ts";
import type { Actor } from "../actor.ts";
import type { KnownUsers } from "./account-services.ts";

/** Who may do what on a path, as far as the actor may know it. */
export interface PathAccess {
  /** The actor's own roles, the weakest first. */
  readonly roles: readonly Role[];
  readonly isPublic: boolean;
  /** The grants that cover the path, the user with the namespace's name first; `undefined` for all but administrators. */
  readonly grants: Page<HeldGrant> | undefined;
}

export interface HeldGrant {
  readonly kind: "user" | "group" | "namesake";
  readonly holder: string;
  readonly isDisabled: boolean;
  readonly grant: Grant;
}

/** Most grants that are listed. */
const MAX_GRANTS = 100;

/** Everybody may see their own access; the grants of others are for administrators, as in the console. */
export function accessTo(services: KnownUsers, actor: Actor, path: AccessPath): PathAccess {
  const { directory } = services.users;
  return {
    roles: ROLES.filter((role) => actor.allows(path, role)),
    isPublic: directory.allows(ANONYMOUS, path, "reader"),
    grants: actor.isAdministrator() ? grantsOn(services, path) : undefined,
  };
}

function grantsOn({ users: { directory } }: KnownUsers, path: AccessPath): Page<HeldGrant> {
  const entries: HeldGrant[] = [];
  let more = false;
  for (const held of heldGrants(directory, path)) {
    more = entries.length === MAX_GRANTS;
    if (more) break;
    entries.push(held);
  }
  return { entries, more };
}

function* heldGrants(directory: KnownUsers["users"]["directory"], path: AccessPath): Generator<HeldGrant> {
  const users = directory.list();
  const namespace = namespaceOf(path);
  const owner = users.find(({ name }) => name !== ANONYMOUS && name === namespace);
  if (owner) {
    const grant = { path: path.split("/").slice(0, 3).join("/") as Grant["path"], role: "owner" } as const;
    yield { kind: "namesake", holder: owner.name, isDisabled: owner.isDisabled, grant };
  }
  for (const { name, isDisabled, grants } of users)
    for (const grant of grants)
      if (covers(grant.path, path)) yield { kind: "user", holder: name, isDisabled, grant };
  for (const { name, grants } of directory.groups())
    for (const grant of grants)
      if (covers(grant.path, path)) yield { kind: "group", holder: name, isDisabled: false, grant };
}
