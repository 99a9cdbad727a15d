import { describe, expect, test } from "bun:test";
import { checkAccess } from "../../../src/backends/accounts/access-check.ts";
import { grantRole, listGrants, revokeGrant } from "../../../src/backends/accounts/grants.ts";
import {
  addGroup,
  assignMember,
  deleteGroup,
  grantRoleToGroup,
  listGroups,
  revokeGrantOfGroup,
  unassignMember,
} from "../../../src/backends/accounts/groups.ts";
import { AdministratorOnlyError, NotFoundError } from "../../../src/backends/refusals.ts";
import type { AccessPath, AccessPattern } from "../../../src/primitives/users/access-path.ts";
import type { GroupName } from "../../../src/primitives/users/group.ts";
import type { UserName } from "../../../src/primitives/users/user.ts";
import { ADMINISTRATOR, actorWith } from "../../support/actors.ts";
import { openUsers } from "../../support/user-registry.ts";

const BOB = "bob" as UserName;
const TEAM = "team" as UserName;
const DEVELOPERS = "developers" as GroupName;
const APP = "http/oci/default/app" as AccessPath;
const DEFAULT = "http/oci/default" as AccessPattern;
const READ = { path: DEFAULT, role: "reader" } as const;
const WRITE = { path: DEFAULT, role: "writer" } as const;
const administrator = actorWith(ADMINISTRATOR);

/** The users `bob` and `team`, the group `developers`, and the registry `team`. */
async function openServices() {
  const users = await openUsers();
  for (const name of [BOB, TEAM]) await users.add(administrator.identity, name, "s3cret");
  const services = { users, instances: { list: () => [{ name: "team" }] } };
  await addGroup(services, administrator, DEVELOPERS);
  return services;
}

test("the grants of a user are its own, those of its groups, and the registry of the same name", async () => {
  const services = await openServices();
  await grantRole(services, administrator, { name: BOB, grant: READ });
  await assignMember(services, administrator, { group: DEVELOPERS, member: BOB });
  await grantRoleToGroup(services, administrator, { group: DEVELOPERS, grant: WRITE });
  expect(listGrants(services, BOB)).toEqual({
    namesakeOf: undefined,
    own: [READ],
    byGroup: [{ ...WRITE, group: DEVELOPERS }],
  });
  expect(listGrants(services, TEAM)).toEqual({ namesakeOf: "http/oci/team", own: [], byGroup: [] });
});

test("what was granted is revoked, from a user and from a group", async () => {
  const services = await openServices();
  await grantRole(services, administrator, { name: BOB, grant: READ });
  await revokeGrant(services, administrator, { name: BOB, path: DEFAULT });
  await grantRoleToGroup(services, administrator, { group: DEVELOPERS, grant: WRITE });
  await revokeGrantOfGroup(services, administrator, { group: DEVELOPERS, path: DEFAULT });
  expect([listGrants(services, BOB).own, listGroups(services)[0]?.grants]).toEqual([[], []]);
});

test("a group that is deleted, or that a user leaves, grants it nothing more", async () => {
  const services = await openServices();
  await grantRoleToGroup(services, administrator, { group: DEVELOPERS, grant: WRITE });
  await assignMember(services, administrator, { group: DEVELOPERS, member: BOB });
  await unassignMember(services, administrator, { group: DEVELOPERS, member: BOB });
  expect(listGrants(services, BOB).byGroup).toEqual([]);
  await deleteGroup(services, administrator, DEVELOPERS);
  expect(listGroups(services)).toEqual([]);
});

test("users and groups that do not exist are refused", async () => {
  const services = await openServices();
  const nobody = "nobody" as UserName;
  await expect(grantRole(services, administrator, { name: nobody, grant: READ })).rejects.toEqual(
    new NotFoundError("no user 'nobody'"),
  );
  await expect(deleteGroup(services, administrator, "none" as GroupName)).rejects.toEqual(
    new NotFoundError("no group 'none'"),
  );
  expect(() => listGrants(services, nobody)).toThrow("no user 'nobody'");
});

describe("the access check", () => {
  const check = (services: Awaited<ReturnType<typeof openServices>>, name: UserName, path = APP) =>
    checkAccess(services, administrator, { name, path });

  test("names the grant that decides, for each role", async () => {
    const services = await openServices();
    await grantRole(services, administrator, { name: BOB, grant: WRITE });
    const reason = { kind: "grant" as const, grant: WRITE, holder: "bob" };
    expect(check(services, BOB)).toEqual([
      { role: "reader", isAllowed: true, reason },
      { role: "writer", isAllowed: true, reason },
      { role: "owner", isAllowed: false, reason: { kind: "not-granted" } },
    ]);
  });

  test("explains ownership by name, and a disabled user", async () => {
    const services = await openServices();
    const path = "http/oci/team/app" as AccessPath;
    expect(check(services, TEAM, path)[2]).toEqual({
      role: "owner",
      isAllowed: true,
      reason: { kind: "namesake" },
    });
    await services.users.setDisabled(administrator.identity, TEAM, true);
    expect(check(services, TEAM, path)[0]).toEqual({
      role: "reader",
      isAllowed: false,
      reason: { kind: "disabled" },
    });
  });
});

test("the owner of all registries grants, groups and checks nothing", async () => {
  const services = await openServices();
  const owner = actorWith({ "http/oci/*": "owner" });
  const [group, member] = [DEVELOPERS, BOB];
  for (const attempt of [
    grantRole(services, owner, { name: BOB, grant: READ }),
    revokeGrant(services, owner, { name: BOB, path: DEFAULT }),
    addGroup(services, owner, "others" as GroupName),
    deleteGroup(services, owner, group),
    assignMember(services, owner, { group, member }),
    unassignMember(services, owner, { group, member }),
    grantRoleToGroup(services, owner, { group, grant: READ }),
    revokeGrantOfGroup(services, owner, { group, path: DEFAULT }),
  ])
    await expect(attempt).rejects.toBeInstanceOf(AdministratorOnlyError);
  expect(() => checkAccess(services, owner, { name: BOB, path: APP })).toThrow(AdministratorOnlyError);
});

test("a user without rights checks the own access", async () => {
  const services = await openServices();
  const user = { ...actorWith({}), user: BOB };
  expect(checkAccess(services, user, { name: BOB, path: APP }).map(({ role }) => role)).toEqual([
    "reader",
    "writer",
    "owner",
  ]);
});
