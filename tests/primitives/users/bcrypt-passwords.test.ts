import { expect, test } from "bun:test";
import { PasswordChecker } from "../../../src/primitives/users/password-checker.ts";
import { PasswordRenewal } from "../../../src/primitives/users/password-renewal.ts";
import { foreignHashFault, isBcrypt, verifyPassword } from "../../../src/primitives/users/passwords.ts";
import { parseUser, passwordHashes, type User, type UserName } from "../../../src/primitives/users/user.ts";
import { openUsers } from "../../support/user-registry.ts";

/** Of `htpasswd -nbB`: 80 times the letter b, of which bcrypt takes 72. */
const LONG = "$2y$05$6.khZPx3ZsKi5VrwkslpZORUD35MbBmcRbR.HBC.eksksfkhPpYqG";
const bcrypt = (password: string, cost = 4) => Bun.password.hash(password, { algorithm: "bcrypt", cost });

test("passwords are compared with bcrypt hashes as htpasswd makes them, by their first 72 bytes", async () => {
  for (const length of [72, 80, 90]) expect(await verifyPassword("b".repeat(length), LONG)).toBe(true);
  for (const length of [0, 1, 71]) expect(await verifyPassword("b".repeat(length), LONG)).toBe(false);
  const hash = await bcrypt("secret");
  for (const variant of ["$2a$", "$2b$", "$2y$"])
    expect(await verifyPassword("secret", hash.replace("$2b$", variant))).toBe(true);
  expect(await verifyPassword("other", hash)).toBe(false);
});

test("a bcrypt hash that would cost too much at each login, and other kinds of hashes, are refused", async () => {
  const costing = (cost: number) => LONG.replace("$05$", `$${String(cost).padStart(2, "0")}$`);
  for (const cost of [4, 10, 12]) expect(foreignHashFault(costing(cost))).toBeUndefined();
  for (const cost of [0, 3, 13, 31, 99])
    expect(foreignHashFault(costing(cost))).toBe(`is stored as bcrypt of cost ${cost}; 4 to 12 are accepted`);
  expect(foreignHashFault("$apr1$x$y")).toBe("is stored as MD5 (apr1); only bcrypt is accepted");
  expect(foreignHashFault("{SHA}abc=")).toBe("is stored as SHA-1; only bcrypt is accepted");
  expect(foreignHashFault("pa55word")).toBe("is stored as plain text, or by crypt; only bcrypt is accepted");
  expect(foreignHashFault(`${LONG}x`)).toBe("is stored as bcrypt that is damaged; only bcrypt is accepted");
  const file = (hash: string) => Buffer.from(`[[credentials]]\nkind = "password"\nhash = "${hash}"\n`);
  expect(() => parseUser("alice" as UserName, file(costing(20)))).toThrow(
    "neither an Argon2id hash nor a bcrypt",
  );
  expect(passwordHashes(parseUser("alice" as UserName, file(LONG)))).toEqual([LONG]);
});

async function withUser(hash: string) {
  const registry = await openUsers();
  const alice: User = {
    name: "alice" as UserName,
    displayName: "alice",
    isDisabled: false,
    credentials: [{ kind: "password", hash }],
    grants: [],
  };
  const author = { name: "test", email: "test@everlock" };
  await registry.rewrite(author, "import", () => ({
    users: [alice],
    groups: [],
    removedUsers: [],
    removedGroups: [],
  }));
  const warnings: string[] = [];
  const renewal = new PasswordRenewal(registry, { warn: (text) => void warnings.push(text) });
  const checker = new PasswordChecker(() => registry.directory, {
    renew: (...args) => renewal.renew(...args),
    delay: async () => undefined,
  });
  const hashes = () => passwordHashes(registry.existing(alice.name));
  return { registry, checker, hashes, warnings };
}

test("the first login with an imported password stores it as Argon2id, also of many at once; a wrong one changes nothing", async () => {
  const { checker, hashes } = await withUser(await bcrypt("secret"));
  expect(await checker.check("alice", "wrong", "10.0.0.1")).toMatchObject({ kind: "refused" });
  expect(hashes().every(isBcrypt)).toBe(true);
  const logins = Array.from({ length: 20 }, (_, i) => checker.check("alice", "secret", `10.0.0.${i}`));
  const verdicts = await Promise.all(logins);
  const [hash = ""] = hashes();
  expect(hash).toStartWith("$argon2id$");
  expect(verdicts).toEqual(verdicts.map(() => ({ kind: "matches", hash })));
  expect(await checker.check("alice", "secret", "10.0.0.1")).toEqual({ kind: "matches", hash });
});

test("a password of which bcrypt saw a part alone stays stored as it is", async () => {
  const { checker, hashes } = await withUser(LONG);
  expect(await checker.check("alice", "b".repeat(75), "10.0.0.1")).toEqual({ kind: "matches", hash: LONG });
  expect(hashes()).toEqual([LONG]);
  expect(await checker.check("alice", "b".repeat(80), "10.0.0.1")).toEqual({ kind: "matches", hash: LONG });
});

test("a login whose password can't be stored anew is right all the same", async () => {
  const former = await bcrypt("secret");
  const { registry, checker, warnings } = await withUser(former);
  registry.rewrite = async () => {
    throw new Error("the disk is full");
  };
  expect(await checker.check("alice", "secret", "10.0.0.1")).toEqual({ kind: "matches", hash: former });
  expect(warnings).toEqual(["the password of 'alice' stays stored as bcrypt for now: the disk is full"]);
});
