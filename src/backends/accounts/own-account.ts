import type { SessionClaim } from "../../primitives/users/ended-sessions.ts";
import { ANONYMOUS, type UserName } from "../../primitives/users/user.ts";
import { type Actor, requirePerson } from "../actor.ts";
import { type AccountServices, existingUser, type KnownUsers } from "./account-services.ts";
import { type GrantsRecord, listGrants } from "./grants.ts";

/** What users may know about themselves. */
export interface AccountRecord extends GrantsRecord {
  readonly user: UserName;
  readonly displayName: string;
  readonly isAdministrator: boolean;
  /** What everybody may do, also without a login. */
  readonly anonymous: GrantsRecord["own"];
}

/** The actor's own account. */
export function readAccount(
  services: KnownUsers & { readonly instances: { list(): readonly { readonly name: string }[] } },
  actor: Actor,
): AccountRecord {
  requirePerson(actor, "reading an account");
  const { name, displayName } = existingUser(services, actor.user);
  return {
    user: name,
    displayName,
    isAdministrator: actor.isAdministrator(),
    ...listGrants(services, name),
    anonymous: listGrants(services, ANONYMOUS).own,
  };
}

/** Ends the session of the pages with which the actor asks, on all nodes. */
export async function endSession(
  { users }: AccountServices,
  { identity, user }: Actor,
  session: SessionClaim,
): Promise<void> {
  await users.endSession(identity, user, session);
}
