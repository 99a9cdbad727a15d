import { SYSTEM_IDENTITY } from "../primitives/store/commits/commit-group.ts";
import type { Identity } from "../primitives/store/git/commit.ts";
import { type AccessPath, type AccessPattern, EVERYTHING } from "../primitives/users/access-path.ts";
import type { Role } from "../primitives/users/role.ts";
import { ANONYMOUS, type UserName } from "../primitives/users/user.ts";
import type { UserDirectory } from "../primitives/users/user-directory.ts";
import { identityOf } from "../primitives/users/user-registry.ts";
import { AdministratorOnlyError, NotAllowedError } from "./refusals.ts";

/**
 * The user who requests an operation, through any frontend. Each check looks up the rights again: a grant that is revoked
 * while an operation runs no longer counts.
 */
export interface Actor {
  readonly user: UserName;
  /** The author of the commits that the operation makes. */
  readonly identity: Identity;
  /** The frontend, such as `console`, or the User-Agent of an HTTP client. */
  readonly client: string;
  /** The client's address, without port; `undefined` for a command on the server's machine. */
  readonly remote: string | undefined;
  /** Whether the user has proved to be present, not an API token or access token for the user; never for `anon`. */
  readonly isPersonal: boolean;
  isAdministrator(): boolean;
  /** Whether the actor holds `role`, or a stronger one, on `path`. */
  allows(path: AccessPath, role: Role): boolean;
  /** Patterns that together cover at least the repositories of an instance that the actor may read; `allows` decides on each. */
  patternsIn(instance: AccessPath): readonly AccessPattern[];
}

interface UserActorOptions extends Pick<Actor, "client" | "remote"> {
  readonly directory: () => UserDirectory;
}

/** A user who is logged in. */
export function userActor(user: UserName, { directory, client, remote }: UserActorOptions): Actor {
  return {
    user,
    identity: identityOf(user),
    client,
    remote,
    isPersonal: user !== ANONYMOUS,
    isAdministrator: () => directory().isAdministrator(user),
    allows: (path, role) => directory().allows(user, path, role),
    patternsIn: (instance) => directory().patternsOf(user, instance),
  };
}

/** A client without a login: it may do what is granted to `anon`. */
export function anonymousActor(options: UserActorOptions): Actor {
  return userActor(ANONYMOUS, options);
}

/**
 * A command on the server's machine: a process that can write to the data directory may do anything. No user can have its
 * name, see `isReservedName`.
 */
export const MACHINE_ACTOR: Actor = {
  user: "system" as UserName,
  identity: SYSTEM_IDENTITY,
  client: "everlock",
  remote: undefined,
  isPersonal: true,
  isAdministrator: () => true,
  allows: () => true,
  patternsIn: () => [EVERYTHING],
};

/** `what`: the requested operation, as the subject of the message. Throws `AdministratorOnlyError`. */
export function requireAdministrator(actor: Actor, what = "this"): void {
  if (!actor.isAdministrator()) throw new AdministratorOnlyError(what, actor.user);
}

/** `what`: the requested operation, as the subject of the message. Throws `NotAllowedError` for a token, and for `anon`. */
export function requirePerson({ isPersonal, user }: Actor, what: string): void {
  if (isPersonal) return;
  throw new NotAllowedError(
    user === ANONYMOUS
      ? `${what} requires a login`
      : `${what} requires a login with the password; an API token or a Bearer token is not enough`,
  );
}
