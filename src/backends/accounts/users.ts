import { counted } from "../../primitives/text/counted.ts";
import type { GroupName } from "../../primitives/users/group.ts";
import { passwordFault } from "../../primitives/users/passwords.ts";
import type { UserName } from "../../primitives/users/user.ts";
import { refuseAnonymous } from "../../primitives/users/user-changes.ts";
import { type Actor, requireAdministrator, requirePerson } from "../actor.ts";
import { isNamesake, namesakeWarning } from "../namesakes.ts";
import {
  ExistsError,
  InvalidArgumentError,
  NotAllowedError,
  TryLaterError,
  UnconfirmedError,
} from "../refusals.ts";
import {
  type AccountServices,
  existingUser,
  type KnownUsers,
  type PasswordServices,
} from "./account-services.ts";

const MAX_DISPLAY_NAME = 100;

export interface UserRecord {
  readonly name: UserName;
  readonly displayName: string;
  readonly groups: readonly GroupName[];
  readonly isDisabled: boolean;
}

/** Lists all users by name, `anon` included; every user may see them. */
export function listUsers({ users: { directory } }: KnownUsers): UserRecord[] {
  return directory.list().map(({ name, displayName, isDisabled }) => ({
    name,
    displayName,
    groups: directory.groupsOf(name).map((group) => group.name),
    isDisabled,
  }));
}

export interface NewUserServices extends AccountServices {
  readonly instances: { list(): readonly { readonly name: string }[] };
}

export interface NewUser {
  readonly name: UserName;
  /** Confirms that the user becomes the owner of the registry with the same name. */
  readonly acceptsNamesake: boolean;
}

/** Makes the checks of `addUser`, for a frontend that prompts for the password afterwards. */
export function checkNewUser(
  { users, instances }: NewUserServices,
  actor: Actor,
  { name, acceptsNamesake }: NewUser,
): void {
  requireAdministrator(actor);
  if (users.directory.get(name)) throw new ExistsError(`user '${name}' exists already`);
  const isOwner = instances.list().some((registry) => isNamesake(name, registry.name));
  if (isOwner && !acceptsNamesake) throw new UnconfirmedError(namesakeWarning(name, "user"));
}

/** Adds a user without grants; for administrators. */
export async function addUser(
  services: NewUserServices & PasswordServices,
  actor: Actor,
  { password, ...user }: NewUser & { readonly password: string },
): Promise<void> {
  checkNewUser(services, actor, user);
  refuseFaulty(password, services);
  await services.users.add(actor.identity, user.name, password);
}

/**
 * Makes the checks of `setPassword`, for a frontend that prompts for passwords afterwards; without a name they are of the
 * actor's own. Returns whether the old password is to be proved: by all users for their own, but for administrators who name
 * the user, as they may set any.
 */
export function requiresOldPassword(services: KnownUsers, actor: Actor, name: UserName | undefined): boolean {
  requirePerson(actor, "a change of a password");
  const owner = name ?? actor.user;
  if (owner !== actor.user) requireAdministrator(actor, "a change of another user's password");
  refuseAnonymous(owner, "has no password");
  const known = services.users.directory.get(owner);
  if (name === undefined && !known)
    throw new InvalidArgumentError("name the user whose password is to be set");
  const { credentials } = existingUser(services, owner);
  if (name !== undefined && actor.isAdministrator()) return false;
  if (!credentials.some(({ kind }) => kind === "password"))
    throw new NotAllowedError(`'${owner}' has no password to prove; an administrator must set the first one`);
  return true;
}

export interface NewPassword {
  readonly name: UserName;
  readonly password: string;
  /** The present password, where it is required; compared whenever it is given. */
  readonly old?: string | undefined;
}

/** Replaces the password of a user; for the user, who proves the old one, and for administrators. */
export async function setPassword(
  services: AccountServices & PasswordServices,
  actor: Actor,
  { name, password, old }: NewPassword,
): Promise<void> {
  const isRequired = requiresOldPassword(services, actor, name);
  refuseFaulty(password, services);
  if (isRequired || old !== undefined) await proveOld(services, actor, old);
  await services.users.setPassword(actor.identity, name, password);
}

/** A wrong one counts like one of a login. */
async function proveOld({ passwords }: PasswordServices, actor: Actor, old: string | undefined) {
  if (old === undefined) throw new InvalidArgumentError("the old password is missing");
  const place = "a change of its own password";
  const verdict = await passwords.check(actor.user, old, actor.remote ?? "localhost", place);
  if (verdict.kind === "limited")
    throw new TryLaterError(
      `too many wrong passwords; try again in ${counted(verdict.retryAfterSeconds, "second")}`,
    );
  if (verdict.kind === "refused") throw new NotAllowedError("the old password is wrong");
}

function refuseFaulty(password: string, { passwordMinLength }: PasswordServices): void {
  const fault = passwordFault(password, passwordMinLength);
  if (fault) throw new InvalidArgumentError(fault);
}

/** Disables or enables a user; for administrators. Resolves with whether the user was not so already. */
export async function setDisabled(
  services: AccountServices,
  actor: Actor,
  { name, isDisabled }: Pick<UserRecord, "name" | "isDisabled">,
): Promise<boolean> {
  requireAdministrator(actor);
  existingUser(services, name);
  return services.users.setDisabled(actor.identity, name, isDisabled);
}

/** Deletes a user with its grants; for administrators. Content that the user pushed is kept. */
export async function deleteUser(services: AccountServices, actor: Actor, name: UserName): Promise<void> {
  requireAdministrator(actor);
  existingUser(services, name);
  await services.users.delete(actor.identity, name);
}

/** Changes the display name of a user; for administrators. Resolves with whether it was another. */
export async function setDisplayName(
  services: AccountServices,
  actor: Actor,
  { name, displayName }: Pick<UserRecord, "name" | "displayName">,
): Promise<boolean> {
  requireAdministrator(actor);
  existingUser(services, name);
  checkDisplayName(displayName);
  return services.users.setDisplayName(actor.identity, name, displayName);
}

/** Throws `InvalidArgumentError`. */
export function checkDisplayName(displayName: string): void {
  if (displayName.trim() === "" || displayName.length > MAX_DISPLAY_NAME)
    throw new InvalidArgumentError(`a display name has 1 to ${MAX_DISPLAY_NAME} characters`);
}
