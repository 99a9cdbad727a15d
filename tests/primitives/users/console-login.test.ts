import { expect, test } from "bun:test";
import { type ConsoleLogin, whyEnded } from "../../../src/primitives/users/console-login.ts";
import type { SshPublicKey } from "../../../src/primitives/users/ssh-key.ts";
import type { Credential, User, UserName } from "../../../src/primitives/users/user.ts";
import { UserDirectory } from "../../../src/primitives/users/user-directory.ts";

const name = "alice" as UserName;
const key = "ssh-ed25519 AAAA" as SshPublicKey;
const PASSWORD: Credential = { kind: "password", hash: "$argon2id$1" };
const KEY: Credential = { kind: "ssh-key", key, comment: "laptop" };
const byPassword: ConsoleLogin = { user: name, by: { kind: "password", hashes: ["$argon2id$1"] } };
const byKey: ConsoleLogin = { user: name, by: { kind: "key", key } };

const alice = (credentials: readonly Credential[], isDisabled = false): User => ({
  name,
  displayName: "Alice",
  isDisabled,
  credentials,
  grants: [],
});

test.each([
  [byPassword, [alice([PASSWORD, KEY])], undefined],
  [byKey, [alice([PASSWORD, KEY])], undefined],
  [byPassword, [alice([PASSWORD])], undefined],
  [byKey, [alice([KEY])], undefined],
  [byPassword, [], "the user 'alice' was deleted"],
  [byKey, [], "the user 'alice' was deleted"],
  [byPassword, [alice([PASSWORD], true)], "the user 'alice' was disabled"],
  [byKey, [alice([KEY], true)], "the user 'alice' was disabled"],
  [byPassword, [alice([{ kind: "password", hash: "$argon2id$2" }])], "the password of 'alice' was changed"],
  [byPassword, [alice([KEY])], "the password of 'alice' was changed"],
  [byKey, [alice([PASSWORD])], "the key that 'alice' logged in with was removed"],
] as const)("a login %j, when the user is %j, has ended because %p", (login, users, why) => {
  expect(whyEnded(login, new UserDirectory(users))).toBe(why);
});
