import { describe, expect, test } from "bun:test";
import type { PasswordServices } from "../../../src/backends/accounts/account-services.ts";
import {
  addUser,
  checkNewUser,
  deleteUser,
  listUsers,
  requiresOldPassword,
  setDisabled,
  setDisplayName,
  setPassword,
} from "../../../src/backends/accounts/users.ts";
import { MACHINE_ACTOR } from "../../../src/backends/actor.ts";
import {
  AdministratorOnlyError,
  ExistsError,
  InvalidArgumentError,
  NotAllowedError,
  NotFoundError,
  TryLaterError,
  UnconfirmedError,
} from "../../../src/backends/refusals.ts";
import { SYSTEM_IDENTITY } from "../../../src/primitives/store/commits/commit-group.ts";
import { PasswordChecker } from "../../../src/primitives/users/password-checker.ts";
import type { UserName } from "../../../src/primitives/users/user.ts";
import { ADMINISTRATOR, actorWith } from "../../support/actors.ts";
import { openUsers } from "../../support/user-registry.ts";

const BOB = "bob" as UserName;
const administrator = actorWith(ADMINISTRATOR);
const NEW_BOB = { name: BOB, acceptsNamesake: false, password: "s3cret-one" };

/** No users, and the registry `team`. `checked` are the proofs of passwords that were asked for. */
async function openServices() {
  const users = await openUsers();
  const checker = new PasswordChecker(() => users.directory, { delay: async () => undefined });
  const checked: string[] = [];
  const passwords: PasswordServices["passwords"] = {
    check: (login, password, address, place) => {
      checked.push(`${login} at ${address}`);
      return checker.check(login, password, address, place);
    },
  };
  const instances = { list: () => [{ name: "team" }] };
  return { users, instances, passwords, checked, passwordMinLength: 8 };
}

describe("an administrator", () => {
  test("adds a user, who is listed without groups", async () => {
    const services = await openServices();
    await addUser(services, administrator, NEW_BOB);
    expect(listUsers(services)).toContainEqual({
      name: BOB,
      displayName: "bob",
      groups: [],
      isDisabled: false,
    });
    await expect(addUser(services, administrator, NEW_BOB)).rejects.toEqual(
      new ExistsError("user 'bob' exists already"),
    );
  });

  test("adds no user who would own a registry by its name, until that is confirmed", async () => {
    const services = await openServices();
    const team = { ...NEW_BOB, name: "team" as UserName };
    await expect(addUser(services, administrator, team)).rejects.toEqual(
      new UnconfirmedError(
        "a registry 'team' exists: the user would own the registry 'team' because it has the same name",
      ),
    );
    await addUser(services, administrator, { ...team, acceptsNamesake: true });
    expect(services.users.directory.get(team.name)).toBeDefined();
  });

  test("gives no password that is empty or shorter than the smallest length", async () => {
    const services = await openServices();
    await addUser(services, administrator, NEW_BOB);
    for (const [password, fault] of [
      ["", "the password is empty"],
      ["s3cret!", "the password has 7 characters, and must have 8 or more"],
      ["\u{1f511}".repeat(7), "the password has 7 characters, and must have 8 or more"],
      ["x".repeat(1025), "the password is longer than 1024 characters"],
    ] as const) {
      const error = new InvalidArgumentError(fault);
      const carol = { ...NEW_BOB, name: "carol" as UserName, password };
      await expect(addUser(services, administrator, carol)).rejects.toEqual(error);
      await expect(setPassword(services, administrator, { name: BOB, password })).rejects.toEqual(error);
    }
    await setPassword(services, administrator, { name: BOB, password: "8 chars!" });
    await setPassword({ ...services, passwordMinLength: 1 }, administrator, { name: BOB, password: "x" });
    expect(services.checked).toEqual([]);
  });

  test("disables, renames and deletes a user", async () => {
    const services = await openServices();
    await addUser(services, administrator, NEW_BOB);
    await setDisabled(services, administrator, { name: BOB, isDisabled: true });
    await setDisplayName(services, administrator, { name: BOB, displayName: "Bob" });
    expect(listUsers(services)).toContainEqual({
      name: BOB,
      displayName: "Bob",
      groups: [],
      isDisabled: true,
    });
    for (const displayName of [" ", "x".repeat(101)])
      await expect(
        setDisplayName(services, administrator, { name: BOB, displayName }),
      ).rejects.toBeInstanceOf(InvalidArgumentError);
    await deleteUser(services, administrator, BOB);
    expect(services.users.directory.get(BOB)).toBeUndefined();
  });

  test("changes no user that does not exist", async () => {
    const services = await openServices();
    const missing = new NotFoundError("no user 'bob'");
    for (const attempt of [
      setPassword(services, administrator, { name: BOB, password: "s3cret-one" }),
      setDisabled(services, administrator, { name: BOB, isDisabled: true }),
      setDisplayName(services, administrator, { name: BOB, displayName: "Bob" }),
      deleteUser(services, administrator, BOB),
    ])
      await expect(attempt).rejects.toEqual(missing);
  });
});

test("the owner of all registries changes no user, and is refused before a password is asked for", async () => {
  const services = await openServices();
  const owner = actorWith({ "http/oci/*": "owner" });
  await addUser(services, administrator, NEW_BOB);
  expect(() => checkNewUser(services, owner, NEW_BOB)).toThrow(AdministratorOnlyError);
  expect(() => requiresOldPassword(services, owner, BOB)).toThrow(AdministratorOnlyError);
  for (const attempt of [
    addUser(services, owner, { ...NEW_BOB, name: "carol" as UserName }),
    setPassword(services, owner, { name: BOB, password: "another-one" }),
    setDisabled(services, owner, { name: BOB, isDisabled: true }),
    setDisplayName(services, owner, { name: BOB, displayName: "Bob" }),
    deleteUser(services, owner, BOB),
  ])
    await expect(attempt).rejects.toBeInstanceOf(AdministratorOnlyError);
  expect(listUsers(services).map(({ name }) => String(name))).toEqual(["anon", "bob"]);
});

test("an administrator proves the old password for the own one, but not for that of a user who is named", async () => {
  const services = await openServices();
  const password = "s3cret-one";
  const { user } = administrator;
  await addUser(services, administrator, { name: user, acceptsNamesake: false, password });
  expect(requiresOldPassword(services, administrator, undefined)).toBe(true);
  expect(requiresOldPassword(services, administrator, user)).toBe(false);
  const change = { name: user, password: "another-one" };
  await expect(setPassword(services, administrator, { ...change, old: "wrong" })).rejects.toEqual(
    new NotAllowedError("the old password is wrong"),
  );
  await setPassword(services, administrator, { ...change, old: password });
  await setPassword(services, administrator, change);
});

test("the operator of the machine, who is no user, names the user whose password is set", async () => {
  const services = await openServices();
  expect(() => requiresOldPassword(services, MACHINE_ACTOR, undefined)).toThrow(
    new InvalidArgumentError("name the user whose password is to be set"),
  );
});

test("a user without a password is told who sets the first one", async () => {
  const services = await openServices();
  const alice = actorWith({});
  await addUser(services, administrator, { ...NEW_BOB, name: alice.user });
  await services.users.rewrite(SYSTEM_IDENTITY, "take the password away", (directory) => {
    const users = directory.list().map((user) => ({ ...user, credentials: [] }));
    return { users, groups: [], removedUsers: [], removedGroups: [] };
  });
  expect(() => requiresOldPassword(services, alice, undefined)).toThrow(
    new NotAllowedError("'alice' has no password to prove; an administrator must set the first one"),
  );
});

describe("a user without rights", () => {
  const OLD = "s3cret-one";
  const NEW = "another-one";
  const alice = actorWith({});

  async function openWithAlice() {
    const services = await openServices();
    await addUser(services, administrator, { ...NEW_BOB, name: alice.user, password: OLD });
    const isPassword = async (password: string) =>
      (await services.passwords.check("alice", password, "198.51.100.1")).kind === "matches";
    return { services, isPassword };
  }

  test("changes the own password, and proves the old one", async () => {
    const { services, isPassword } = await openWithAlice();
    expect(requiresOldPassword(services, alice, alice.user)).toBe(true);
    const change = { name: alice.user, password: NEW };
    await expect(setPassword(services, alice, change)).rejects.toEqual(
      new InvalidArgumentError("the old password is missing"),
    );
    await expect(setPassword(services, alice, { ...change, old: "wrong" })).rejects.toEqual(
      new NotAllowedError("the old password is wrong"),
    );
    expect(await isPassword(OLD)).toBe(true);
    await setPassword(services, alice, { ...change, old: OLD });
    expect([await isPassword(NEW), await isPassword(OLD)]).toEqual([true, false]);
  });

  test("gives no password that is too short, for which the old one is not compared", async () => {
    const { services } = await openWithAlice();
    await expect(
      setPassword(services, alice, { name: alice.user, password: "short", old: OLD }),
    ).rejects.toBeInstanceOf(InvalidArgumentError);
    expect(services.checked).toEqual([]);
  });

  test("can't guess the old password faster than one of a login", async () => {
    const { services } = await openWithAlice();
    const guess = (old: string) => setPassword(services, alice, { name: alice.user, password: NEW, old });
    for (let i = 0; i < 10; i++) await expect(guess(`wrong ${i}`)).rejects.toBeInstanceOf(NotAllowedError);
    await expect(guess(OLD)).rejects.toBeInstanceOf(TryLaterError);
    // Where the user logs in, it is locked out for as long.
    expect((await services.passwords.check("alice", OLD, "127.0.0.1")).kind).toBe("limited");
  });
});
