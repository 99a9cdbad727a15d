import { ExpectedError } from "../expected-error.ts";
import { describeChanges } from "../reload.ts";
import { isVisible } from "../text/visible-text.ts";
import type { Grant } from "./access-file.ts";
import type { AccessPattern } from "./access-path.ts";
import { type SessionClaim, withEnded } from "./ended-sessions.ts";
import type { Group, GroupName } from "./group.ts";
import { ANONYMOUS, isReservedName, type User, type UserName } from "./user.ts";
import type { UserDirectory } from "./user-directory.ts";

/** A change of users or groups is refused; the message is for the user who requested it. */
export class UserChangeError extends ExpectedError {
  override readonly name = "UserChangeError";
}

/** A text that lists the differing users and groups; `undefined` if none differ. */
export function describeDifference(before: UserDirectory, after: UserDirectory): string | undefined {
  const users = (directory: UserDirectory) =>
    new Map(directory.list().map((user) => [user.name as string, user]));
  const groups = (directory: UserDirectory) =>
    new Map(directory.groups().map((group) => [group.name as string, group]));
  const parts = [
    describeChanges("users", users(before), users(after)),
    describeChanges("groups", groups(before), groups(after)),
  ];
  return parts.filter((part) => part !== undefined).join("; ") || undefined;
}

/** The grants with `grant` added, replacing one on the same path; the same list if it has `grant`. */
export function withGrant(grants: readonly Grant[], grant: Grant): readonly Grant[] {
  if (grants.some(({ path, role }) => path === grant.path && role === grant.role)) return grants;
  return [...grants.filter(({ path }) => path !== grant.path), grant];
}

/** Throws `UserChangeError` if there is no grant on the path. */
export function withoutGrant(grants: readonly Grant[], path: AccessPattern, holder: string): Grant[] {
  const left = grants.filter((grant) => grant.path !== path);
  if (left.length === grants.length)
    throw new UserChangeError(`${holder} has no grant on '${path}'`, { kind: "not-found" });
  return left;
}

/** The user whose session has ended before its time. */
export function withoutSession(user: User, session: SessionClaim): User {
  const now = Math.floor(Date.now() / 1000);
  return { ...user, endedSessions: withEnded(user.endedSessions, session, now) };
}

export function withoutMember(group: Group, name: UserName): Group {
  return { ...group, members: group.members.filter((member) => member !== name) };
}

export function refuseAnonymous(name: UserName, why: string): void {
  if (name === ANONYMOUS) throw new UserChangeError(`'${ANONYMOUS}' stands for everybody and ${why}`);
}

/** Refuses invisible characters: other users' terminals must show exactly what is stored. */
export function refuseUnseen(what: string, text: string): void {
  if (!isVisible(text))
    throw new UserChangeError(
      `${what} holds characters that can't be seen or that steer a terminal: '${text}'; leave them out`,
      { kind: "invalid" },
    );
}

export function refuseReserved(name: UserName): void {
  if (isReservedName(name))
    throw new UserChangeError(
      `'${name}' is reserved: commits by such a user would look like the server's own; use another login`,
      { kind: "invalid" },
    );
}

export function must(user: User | undefined, name: UserName): User {
  if (!user) throw new UserChangeError(`no user '${name}'`, { kind: "not-found" });
  return user;
}

export function mustGroup(group: Group | undefined, name: GroupName): Group {
  if (!group) throw new UserChangeError(`no group '${name}'`, { kind: "not-found" });
  return group;
}
