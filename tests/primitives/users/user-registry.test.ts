import { describe, expect, test } from "bun:test";
import { consoleLogger } from "../../../src/primitives/logging/logger.ts";
import { reloadTogether } from "../../../src/primitives/reload.ts";
import { storePath } from "../../../src/primitives/store/commits/store-path.ts";
import { localStores } from "../../../src/primitives/store/open-engine.ts";
import type { StoreName } from "../../../src/primitives/store/store-manager.ts";
import { type AccessPath, parseAccessPattern } from "../../../src/primitives/users/access-path.ts";
import type { ApiTokenId } from "../../../src/primitives/users/api-token.ts";
import { Authenticator } from "../../../src/primitives/users/authenticator.ts";
import { PasswordChecker } from "../../../src/primitives/users/password-checker.ts";
import { ANONYMOUS, apiTokens, passwordHashes, type UserName } from "../../../src/primitives/users/user.ts";
import { identityOf, UserRegistry } from "../../../src/primitives/users/user-registry.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const USERS = "everlock-users" as StoreName;
const [admin, alice, bob] = ["admin", "alice", "bob"] as [UserName, UserName, UserName];
const system = identityOf(admin);
const instance = "http/oci/default" as AccessPath;
const onDefault = parseAccessPattern("http/oci/default") ?? raise();

function raise(): never {
  throw new Error("the pattern does not parse");
}

async function openUsers(dataDir = temporaryDirectory(), warnings: string[] = []) {
  const store = await localStores(dataDir, consoleLogger).open(USERS);
  return { store, dataDir, users: await UserRegistry.load(store, (message) => warnings.push(message)) };
}

function authenticatorOf(users: UserRegistry): Authenticator {
  const passwords = new PasswordChecker(() => users.directory, { delay: async () => undefined });
  return new Authenticator(
    () => users.directory,
    (...args) => passwords.check(...args),
    () => undefined,
  );
}

describe("the users", () => {
  test("log in with their password and no other, after a change only with the new one", async () => {
    const { users } = await openUsers();
    const authenticator = authenticatorOf(users);
    const login = async (name: string, password: string) =>
      (
        await authenticator.login({
          login: name,
          password: password,
          address: () => "::1",
          acceptsApiTokens: true,
        })
      ).kind;
    await users.add(system, alice, "one");
    expect(await login("alice", "one")).toBe("accepted");
    expect(await login("alice", "two")).toBe("refused");
    await users.setPassword(system, alice, "two");
    expect(await login("alice", "one")).toBe("refused");
    expect(await login("alice", "two")).toBe("accepted");
    expect(await login("nobody", "two")).toBe("refused");
    expect(await login("anon", "")).toBe("refused");
  });

  test("are locked out after ten wrong passwords at one address, not at another", async () => {
    const { users } = await openUsers();
    const authenticator = authenticatorOf(users);
    await users.add(system, alice, "right");
    for (let i = 0; i < 10; i++)
      expect(
        (
          await authenticator.login({
            login: "alice",
            password: `wrong ${i}`,
            address: () => "10.0.0.1",
            acceptsApiTokens: true,
          })
        ).kind,
      ).toBe("refused");
    expect(
      await authenticator.login({
        login: "alice",
        password: "right",
        address: () => "10.0.0.1",
        acceptsApiTokens: true,
      }),
    ).toMatchObject({ kind: "limited" });
    expect(
      (
        await authenticator.login({
          login: "alice",
          password: "right",
          address: () => "10.0.0.2",
          acceptsApiTokens: true,
        })
      ).kind,
    ).toBe("accepted");
  }, 20_000);

  test("may do what they are granted, what anon is granted, and all in their own namespace", async () => {
    const { users } = await openUsers();
    await users.add(system, alice, "x");
    await users.grant(system, alice, onDefault, "writer");
    expect(users.directory.allows(alice, instance, "reader")).toBe(true);
    expect(users.directory.allows(alice, instance, "writer")).toBe(true);
    expect(users.directory.allows(alice, instance, "owner")).toBe(false);
    expect(users.directory.allows(alice, "http/oci/alice" as AccessPath, "owner")).toBe(true);
    await users.add(system, bob, "x");
    expect(users.directory.allows(bob, instance, "reader")).toBe(false);
    await users.grant(system, ANONYMOUS, onDefault, "reader");
    expect(users.directory.allows(bob, instance, "reader")).toBe(true);
    expect(users.directory.allows(ANONYMOUS, instance, "writer")).toBe(false);
    await users.revoke(system, ANONYMOUS, onDefault);
    expect(users.directory.allows(bob, instance, "reader")).toBe(false);
  });

  test("survive a restart with passwords and grants", async () => {
    const { users, store, dataDir } = await openUsers();
    await users.add(system, alice, "one");
    await users.grant(system, alice, onDefault, "writer");
    await store.close();
    const { users: again } = await openUsers(dataDir);
    expect(again.existing(alice)).toEqual(users.existing(alice));
    expect(passwordHashes(users.existing(alice))[0]).toStartWith("$argon2id$");
  });

  test("have at most 1000 API tokens, of which expired ones make room", async () => {
    const { users } = await openUsers();
    await users.add(system, alice, "one");
    const token = (id: number, expires: number) =>
      ({
        kind: "api-token",
        id: `${id}`.padStart(10, "0") as ApiTokenId,
        hash: "",
        name: "",
        expires,
      }) as const;
    const [past, future] = [1, 4_000_000_000];
    await users.rewrite(system, "many tokens", (directory) => ({
      users: directory.list().flatMap((user) =>
        user.name === alice
          ? [
              {
                ...user,
                credentials: Array.from({ length: 1000 }, (_, i) => token(i, i < 2 ? past : future)),
              },
            ]
          : [],
      ),
      groups: [],
      removedUsers: [],
      removedGroups: [],
    }));
    await users.addToken(system, alice, token(1001, future));
    expect(apiTokens(users.existing(alice))).toHaveLength(999);
    await users.addToken(system, alice, token(1002, future));
    expect(users.addToken(system, alice, token(1003, future))).rejects.toThrow("may have no more");
  });

  test("lose no concurrent change", async () => {
    const { users, store, dataDir } = await openUsers();
    await users.add(system, alice, "one");
    const paths = Array.from({ length: 20 }, (_, i) => parseAccessPattern(`http/oci/i${i}`) ?? raise());
    await Promise.all(paths.map((path) => users.grant(system, alice, path, "reader")));
    expect(users.existing(alice).grants).toHaveLength(20);
    await store.close();
    expect((await openUsers(dataDir)).users.existing(alice).grants).toHaveLength(20);
  });

  test("get an administrator only if there is none, and a later start does not change its password", async () => {
    const { users } = await openUsers();
    expect(await users.bootstrap(system, admin, "first")).toBe(true);
    await users.setPassword(system, admin, "changed");
    expect(await users.bootstrap(system, admin, "first")).toBe(false);
    const authenticator = authenticatorOf(users);
    expect(
      (
        await authenticator.login({
          login: "admin",
          password: "changed",
          address: () => "::1",
          acceptsApiTokens: true,
        })
      ).kind,
    ).toBe("accepted");
    expect(users.directory.allows(admin, instance, "owner")).toBe(true);
  });

  test("keep their last administrator", async () => {
    const { users } = await openUsers();
    await users.bootstrap(system, admin, "x");
    const everything = parseAccessPattern("*/*/*") ?? raise();
    expect(users.revoke(system, admin, everything)).rejects.toThrow("the last one must stay one");
    await users.add(system, alice, "x");
    await users.grant(system, alice, everything, "owner");
    await users.revoke(system, admin, everything);
    expect(users.directory.isAdministrator(admin)).toBe(false);
  });

  test("whose file was broken by hand are left out with a warning, the others stay", async () => {
    const { users, store, dataDir } = await openUsers();
    await users.add(system, alice, "x");
    const meta = { author: system, message: "by hand" };
    await store.write(storePath("users/bob.toml"), Buffer.from("grants = 3\n"), meta);
    await store.write(storePath("users/eve.toml"), Buffer.from("grants = [\n"), meta);
    await store.close();
    const warnings: string[] = [];
    const { users: again } = await openUsers(dataDir, warnings);
    expect(again.directory.list().map((user) => String(user.name))).toEqual(["alice", "anon"]);
    expect(warnings).toHaveLength(2);
  });
});

describe("names", () => {
  test.each(["system", "everlock"])("'%s' is no new user's, and no new administrator's", async (text) => {
    const name = text as UserName;
    const { users } = await openUsers();
    await expect(users.bootstrap(system, name, "one")).rejects.toThrow(
      `'${text}' is reserved: commits by such a user`,
    );
    await users.bootstrap(system, admin, "one");
    await expect(users.add(system, name, "one")).rejects.toThrow(
      `'${text}' is reserved: commits by such a user`,
    );
    expect(users.directory.get(name)).toBeUndefined();
  });

  test("that are reserved today are kept by the users that have them", async () => {
    const name = "system" as UserName;
    const { store, users } = await openUsers();
    await store.write(storePath("users/system.toml"), Buffer.from(""), { author: system, message: "edit" });
    await users.bootstrap(system, admin, "one");
    await reloadTogether([users]);
    await users.setPassword(system, name, "two");
    await users.grant(system, name, onDefault, "reader");
    expect(users.directory.allows(name, instance, "reader")).toBe(true);
  });
});

test("a user file changed with stock git is not overwritten before it is read", async () => {
  const { store, users } = await openUsers();
  await users.bootstrap(system, admin, "one");
  await users.add(system, alice, "one");
  await users.add(system, bob, "one");
  const path = storePath("users/alice.toml");
  const text = `${Buffer.from((await store.read(path)) ?? [])}[[grants]]\npath = "http/oci/team"\nrole = "owner"\n`;
  await store.write(path, Buffer.from(text.replace("grants = []", "")), { author: system, message: "edit" });
  await users.grant(system, bob, onDefault, "reader");
  await expect(users.grant(system, alice, onDefault, "reader")).rejects.toThrow(
    "'users/alice.toml' was changed with git",
  );
  expect(await reloadTogether([users])).toEqual(["users: changed alice"]);
  await users.grant(system, alice, onDefault, "reader");
  expect(users.directory.get(alice)?.grants.map(({ path }) => String(path))).toEqual([
    "http/oci/team",
    "http/oci/default",
  ]);
});
