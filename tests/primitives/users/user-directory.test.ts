import { describe, expect, test } from "bun:test";
import type { AccessPath } from "../../../src/primitives/users/access-path.ts";
import type { UserName } from "../../../src/primitives/users/user.ts";
import { UserDirectory } from "../../../src/primitives/users/user-directory.ts";
import { GROUPS, QUESTIONS, USERS } from "../../support/access-table.ts";

const directory = new UserDirectory(USERS, GROUPS);

describe("access", () => {
  test(`matches the table for all of its ${QUESTIONS.length} questions`, () => {
    expect(QUESTIONS.length).toBeGreaterThan(200);
    const wrong = QUESTIONS.filter(
      ({ who, instance, repository, role, isAllowed }) =>
        directory.allows(who, `http/oci/${instance}/${repository}` as AccessPath, role) !== isAllowed,
    );
    expect(wrong).toEqual([]);
  });

  test("is explained by the grant that decides", () => {
    const reason = (who: string, path: string) =>
      directory.reasonFor(who as UserName, path as AccessPath, "reader");
    expect(reason("narrow", "http/oci/default/team/app")).toMatchObject({ kind: "grant", holder: "narrow" });
    expect(reason("member", "http/oci/default/team/app")).toMatchObject({
      kind: "grant",
      holder: "the group developers",
      grant: { path: "http/oci/default/team/**", role: "writer" },
    });
    expect(reason("nobody", "http/oci/default/public/app")).toMatchObject({ holder: "anon" });
    expect(reason("other", "http/oci/other/app")).toEqual({ kind: "namesake" });
    expect(reason("nobody", "http/oci/other/app")).toBeUndefined();
  });

  test("of a group is part of its members' fingerprint, and a disabled user has no fingerprint", () => {
    const without = directory.without({ group: GROUPS[0]?.name as never });
    const of = (users: UserDirectory, name: string) => users.fingerprint(name as UserName, "access");
    expect(of(without, "member")).not.toBe(of(directory, "member"));
    expect(of(without, "reader")).toBe(of(directory, "reader") as never);
    expect(of(directory, "disabled")).toBeUndefined();
  });

  test("to everything makes a user an administrator, unless the user is disabled or it comes from anon", () => {
    const administrators = USERS.map(({ name }) => name).filter((name) => directory.isAdministrator(name));
    expect(administrators.map(String)).toEqual(["root"]);
  });
});
