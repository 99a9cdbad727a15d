import { expect, test } from "bun:test";
import { consoleLogger } from "../../../src/primitives/logging/logger.ts";
import { localStores } from "../../../src/primitives/store/open-engine.ts";
import type { StoreName } from "../../../src/primitives/store/store-manager.ts";
import { makeApiToken } from "../../../src/primitives/users/api-token.ts";
import { parseSshKey } from "../../../src/primitives/users/ssh-key.ts";
import { encodeUser, parseUser, type User, type UserName } from "../../../src/primitives/users/user.ts";
import { UserChangeError } from "../../../src/primitives/users/user-changes.ts";
import { identityOf, UserRegistry } from "../../../src/primitives/users/user-registry.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const alice = "alice" as UserName;
const actor = identityOf(alice);
const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

async function registryWithAlice(): Promise<UserRegistry> {
  const store = await localStores(temporaryDirectory(), consoleLogger).open("everlock-users" as StoreName);
  const users = await UserRegistry.load(store, () => undefined);
  await users.add(actor, alice, "change-me");
  return users;
}

function keyWith(comment: string) {
  const parsed = parseSshKey(`${KEY} ${comment}`);
  if ("fault" in parsed) throw new Error(parsed.fault);
  return parsed;
}

test.each([["\x1b[2J"], ["\x9b2J"], ["\u202egnp.exe"], ["a\u200bb"], ["a\u061cb"]])(
  "no name or comment with %j is taken in",
  async (text) => {
    const users = await registryWithAlice();
    const { id, hash } = makeApiToken();
    for (const attempt of [
      () => users.setDisplayName(actor, alice, text),
      () => users.addKey(actor, alice, keyWith(text)),
      () => users.addToken(actor, alice, { kind: "api-token", id, hash, name: text }),
    ]) {
      const failure = await attempt().catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(UserChangeError);
      expect(String(failure)).toContain("holds characters that can't be seen or that steer a terminal");
    }
    expect(users.existing(alice)).toMatchObject({
      displayName: "alice",
      credentials: [{ kind: "password" }],
    });
  },
);

test("a user file with such characters from an earlier version can be read", () => {
  const user: User = {
    name: alice,
    displayName: "Al\x9bice",
    isDisabled: false,
    credentials: [{ kind: "ssh-key", ...keyWith("x\x1b[2J\u202e") }],
    grants: [],
  };
  expect(parseUser(alice, encodeUser(user))).toEqual(user);
});
