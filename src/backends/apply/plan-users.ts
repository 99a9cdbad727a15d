import type { Grant } from "../../primitives/users/access-file.ts";
import type { Group } from "../../primitives/users/group.ts";
import { fingerprintOf, newKeyFault } from "../../primitives/users/ssh-key.ts";
import { ANONYMOUS, passwordHashes, sshKeys, type User, type UserName } from "../../primitives/users/user.ts";
import { refuseReserved, refuseUnseen, withoutMember } from "../../primitives/users/user-changes.ts";
import type { DirectoryRewrite, UserDirectory } from "../../primitives/users/user-directory.ts";
import { MAX_KEYS } from "../../primitives/users/user-registry.ts";
import { checkDisplayName } from "../accounts/users.ts";
import { ConflictError, InvalidArgumentError, NotAllowedError, NotFoundError } from "../refusals.ts";
import type { DesiredGroup, DesiredState, DesiredUser } from "./document.ts";
import { type ApplyOptions, type LeftAlone, listDetails, type StateChange } from "./state-change.ts";

export interface UserPlan extends DirectoryRewrite {
  readonly changes: readonly StateChange[];
  readonly leftAlone: readonly LeftAlone[];
}

/** Compares users and groups with the document. Throws `ExpectedError` if the document can't be carried out. */
export function planUsers(
  directory: UserDirectory,
  desired: Pick<DesiredState, "users" | "groups">,
  { isPruning, caller }: ApplyOptions & { readonly caller: UserName },
): UserPlan {
  const users = desired.users.map((user) => ({
    before: directory.get(user.name),
    after: wantedUser(directory, user),
  }));
  const groups = desired.groups.map((group) => ({
    before: directory.group(group.name),
    after: wantedGroup(directory, group),
  }));
  const namedUsers = new Set<UserName>([ANONYMOUS, ...users.map(({ after }) => after.name)]);
  const namedGroups = new Set(groups.map(({ after }) => after.name));
  const otherUsers = namesOf(directory.list()).filter((name) => !namedUsers.has(name));
  const otherGroups = namesOf(directory.groups()).filter((name) => !namedGroups.has(name));
  const prunesUsers = isPruning && users.length > 0;
  const removedUsers = prunesUsers ? otherUsers.filter((name) => name !== caller) : [];
  const removedGroups = isPruning && groups.length > 0 ? otherGroups : [];
  const leaving = new Set<UserName>(removedUsers);
  const keptGroups = removedGroups.length > 0 ? [] : otherGroups;
  const kept = keptGroups.flatMap((name) => directory.group(name) ?? []);
  const changedUsers = users.flatMap(({ before, after }) => (Bun.deepEquals(before, after) ? [] : after));
  const wantedGroups = [...groups.map(({ after }) => after), ...kept].map((group) =>
    withoutAll(group, leaving),
  );
  const changedGroups = wantedGroups.filter((group) => !Bun.deepEquals(directory.group(group.name), group));
  const plan = { users: changedUsers, groups: changedGroups, removedUsers, removedGroups };
  refuseImpossible(directory, plan, caller);
  return {
    ...plan,
    changes: [
      ...changedUsers.map((user) => describeUser(directory.get(user.name), user)),
      ...removedUsers.map((name) => deletion("user", name)),
      ...changedGroups.map((group) => describeGroup(directory.group(group.name), group)),
      ...removedGroups.map((name) => deletion("group", name)),
    ],
    leftAlone: [
      { kind: "user", names: otherUsers.filter((name) => !leaving.has(name)) },
      { kind: "group", names: keptGroups },
    ],
  };
}

function namesOf<N>(entries: readonly { readonly name: N }[]): N[] {
  return entries.map(({ name }) => name);
}

function wantedUser(directory: UserDirectory, wanted: DesiredUser): User {
  const { name } = wanted;
  const known = directory.get(name);
  if (!known) refuseReserved(name);
  if (wanted.displayName !== undefined) {
    refuseUnseen("the display name", wanted.displayName);
    checkDisplayName(wanted.displayName);
  }
  const before: User = known ?? { name, displayName: name, isDisabled: false, credentials: [], grants: [] };
  return {
    ...before,
    displayName: wanted.displayName ?? before.displayName,
    isDisabled: wanted.isDisabled ?? before.isDisabled,
    credentials: wantedCredentials(before, wanted),
    grants: sameGrants(before.grants, wanted.grants) ? before.grants : (wanted.grants ?? []),
  };
}

/** API tokens are not in the document, and stay. */
function wantedCredentials(before: User, { name, passwordHash, keys }: DesiredUser): User["credentials"] {
  const known = sshKeys(before);
  for (const { key, comment } of keys ?? []) {
    refuseUnseen("the key's comment", comment);
    const fault = known.some((other) => other.key === key) ? undefined : newKeyFault(key);
    if (fault) throw new InvalidArgumentError(`user '${name}': ${fault}`);
  }
  if ((keys ?? []).length > MAX_KEYS)
    throw new ConflictError(`user '${name}' may have at most ${MAX_KEYS} keys`);
  const wantedKeys = keys?.map(({ key, comment }) => ({ kind: "ssh-key", key, comment }) as const);
  const isSameHash = passwordHash === undefined || passwordHashes(before).includes(passwordHash);
  if (isSameHash && (wantedKeys === undefined || Bun.deepEquals(wantedKeys, known)))
    return before.credentials;
  return [
    ...(isSameHash
      ? before.credentials.filter(({ kind }) => kind === "password")
      : [{ kind: "password", hash: passwordHash } as const]),
    ...(wantedKeys ?? known),
    ...before.credentials.filter(({ kind }) => kind === "api-token"),
  ];
}

function wantedGroup(directory: UserDirectory, { name, members, grants }: DesiredGroup): Group {
  const before = directory.group(name) ?? { name, members: [], grants: [] };
  return {
    name,
    members: members ?? before.members,
    grants: sameGrants(before.grants, grants) ? before.grants : (grants ?? []),
  };
}

/** The order of grants has no meaning. */
function sameGrants(before: readonly Grant[], wanted: readonly Grant[] | undefined): boolean {
  if (wanted === undefined) return true;
  return Bun.deepEquals(before.map(textOfGrant).sort(), wanted.map(textOfGrant).sort());
}

const textOfGrant = ({ path, role }: Grant) => `${path} ${role}`;

function withoutAll(group: Group, leaving: ReadonlySet<UserName>): Group {
  return group.members.filter((name) => leaving.has(name)).reduce(withoutMember, group);
}

function refuseImpossible(directory: UserDirectory, plan: DirectoryRewrite, caller: UserName): void {
  const after = directory.rewritten(plan);
  for (const { name, members } of plan.groups) {
    const unknown = members.find((member) => !after.get(member));
    if (unknown !== undefined) throw new NotFoundError(`group '${name}': there is no user '${unknown}'`);
  }
  if (directory.isAdministrator(caller) && !after.isAdministrator(caller))
    throw new NotAllowedError(`the document would end the administration of '${caller}', who applies it`);
  if (directory.hasAdministrator() && !after.hasAdministrator())
    throw new NotAllowedError("the document would leave no administrator: the last one must stay one");
}

function describeUser(before: User | undefined, after: User): StateChange {
  const state = after.isDisabled ? "disabled" : "enabled";
  const hashes = (user: User) => user.credentials.filter(({ kind }) => kind === "password");
  const prints = (user: User | undefined) => (user ? sshKeys(user).map(({ key }) => fingerprintOf(key)) : []);
  const details = [
    ...(before?.displayName !== after.displayName ? [`display name '${after.displayName}'`] : []),
    ...((before?.isDisabled ?? false) !== after.isDisabled ? [state] : []),
    ...(before && Bun.deepEquals(hashes(before), hashes(after)) ? [] : passwordDetail(after)),
    ...listDetails("key", prints(before), prints(after)),
    ...listDetails("grant", before?.grants.map(textOfGrant) ?? [], after.grants.map(textOfGrant)),
  ];
  return { kind: "user", name: after.name, action: before ? "change" : "create", details };
}

function passwordDetail({ credentials }: User): readonly string[] {
  return credentials.some(({ kind }) => kind === "password") ? ["password"] : ["no password"];
}

function describeGroup(before: Group | undefined, after: Group): StateChange {
  const details = [
    ...listDetails("member", before?.members ?? [], after.members),
    ...listDetails("grant", before?.grants.map(textOfGrant) ?? [], after.grants.map(textOfGrant)),
  ];
  return { kind: "group", name: after.name, action: before ? "change" : "create", details };
}

function deletion(kind: StateChange["kind"], name: string): StateChange {
  return { kind, name, action: "delete", details: [] };
}
