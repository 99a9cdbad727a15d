import { describe, expect, test } from "bun:test";
import {
  addUser,
  checkNewUser,
  checkPasswordChange,
  deleteUser,
  listUsers,
  setDisabled,
  setDisplayName,
  setPassword,
} from "../../../src/backends/accounts/users.ts";
import {
  AdministratorOnlyError,
  ExistsError,
  InvalidArgumentError,
  NotFoundError,
  UnconfirmedError,
} from "../../../src/backends/refusals.ts";
import type { UserName } from "../../../src/primitives/users/user.ts";
import { ADMINISTRATOR, actorWith } from "../../support/actors.ts";
import { openUsers } from "../../support/user-registry.ts";

const BOB = "bob" as UserName;
const administrator = actorWith(ADMINISTRATOR);
const NEW_BOB = { name: BOB, acceptsNamesake: false, password: "s3cret" };

/** No users, and the registry `team`. */
async function openServices() {
  return { users: await openUsers(), instances: { list: () => [{ name: "team" }] } };
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

  test("gives no password that is empty", async () => {
    const services = await openServices();
    const fault = new InvalidArgumentError("the password is empty");
    await expect(addUser(services, administrator, { ...NEW_BOB, password: "" })).rejects.toEqual(fault);
    await addUser(services, administrator, NEW_BOB);
    await expect(setPassword(services, administrator, { name: BOB, password: "" })).rejects.toEqual(fault);
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
      setPassword(services, administrator, { name: BOB, password: "s3cret" }),
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
  expect(() => checkPasswordChange(services, owner, BOB)).toThrow(AdministratorOnlyError);
  for (const attempt of [
    addUser(services, owner, { ...NEW_BOB, name: "carol" as UserName }),
    setPassword(services, owner, { name: BOB, password: "other" }),
    setDisabled(services, owner, { name: BOB, isDisabled: true }),
    setDisplayName(services, owner, { name: BOB, displayName: "Bob" }),
    deleteUser(services, owner, BOB),
  ])
    await expect(attempt).rejects.toBeInstanceOf(AdministratorOnlyError);
  expect(listUsers(services).map(({ name }) => String(name))).toEqual(["anon", "bob"]);
});
