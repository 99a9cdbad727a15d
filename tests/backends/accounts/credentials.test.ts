import { describe, expect, test } from "bun:test";
import {
  addKey,
  addToken,
  listKeys,
  listTokens,
  removeKey,
  removeToken,
} from "../../../src/backends/accounts/credentials.ts";
import { NotAllowedError } from "../../../src/backends/refusals.ts";
import type { AccessPattern } from "../../../src/primitives/users/access-path.ts";
import { apiTokenHash } from "../../../src/primitives/users/api-token.ts";
import { apiTokens, type UserName } from "../../../src/primitives/users/user.ts";
import { ADMINISTRATOR, actorWith } from "../../support/actors.ts";
import { keyPair } from "../../support/ssh-server.ts";
import { openUsers } from "../../support/user-registry.ts";

const [ALICE, BOB] = ["alice", "bob"] as UserName[] as [UserName, UserName];
const LIMIT = { path: "http/oci/default" as AccessPattern, role: "writer" } as const;
const NEW = { user: ALICE, name: "ci", seconds: 60, limit: LIMIT };
const alice = actorWith({});

/** The users `alice` and `bob`; each token was last used at the epoch's second 1000. */
async function openServices() {
  const users = await openUsers();
  for (const name of [ALICE, BOB]) await users.add(alice.identity, name, "s3cret");
  return { users, tokenUses: { lastUse: () => 1000 } };
}

function newKey() {
  const { credential } = keyPair();
  if (credential.kind !== "ssh-key") throw new Error("it is no key");
  return credential;
}

describe("a user without any role", () => {
  test("adds, lists and removes its own tokens", async () => {
    const services = await openServices();
    const before = Math.floor(Date.now() / 1000) * 1000;
    const { id, text } = await addToken(services, alice, NEW);
    const [token, ...others] = listTokens(services, alice, ALICE);
    expect([token, others]).toEqual([
      { id, name: "ci", expires: expect.any(Date), limit: LIMIT, lastUsed: new Date(1_000_000) },
      [],
    ]);
    expect(token?.expires?.getTime()).toBeGreaterThanOrEqual(before + 60_000);
    const user = services.users.directory.get(ALICE);
    expect(user && apiTokens(user)[0]?.hash).toBe(apiTokenHash(text) ?? "");
    await removeToken(services, alice, { user: ALICE, id });
    expect(listTokens(services, alice, ALICE)).toEqual([]);
  });

  test("adds, lists and removes its own keys", async () => {
    const services = await openServices();
    const key = newKey();
    const fingerprint = await addKey(services, alice, { name: ALICE, key });
    expect(listKeys(services, alice, ALICE)).toEqual([
      { fingerprint, type: "ssh-ed25519", comment: key.comment },
    ]);
    await removeKey(services, alice, { name: ALICE, fingerprint });
    expect(listKeys(services, alice, ALICE)).toEqual([]);
  });

  test("neither sees nor changes those of others, whether these exist or not", async () => {
    const services = await openServices();
    for (const name of [BOB, "nobody" as UserName]) {
      const refusal = new NotAllowedError(
        `only a system administrator may manage the credentials of '${name}'; 'alice' is not one`,
      );
      for (const attempt of [
        async () => listTokens(services, alice, name),
        async () => listKeys(services, alice, name),
        () => addToken(services, alice, { ...NEW, user: name }),
        () => addKey(services, alice, { name, key: newKey() }),
        () => removeKey(services, alice, { name, fingerprint: "SHA256:x" }),
        () => removeToken(services, alice, { user: name, id: "0123456789" as never }),
      ])
        await expect(attempt()).rejects.toEqual(refusal);
    }
  });
});

test("an administrator manages the credentials of others, and a token's long name is cut", async () => {
  const services = await openServices();
  const administrator = actorWith(ADMINISTRATOR);
  await addToken(services, administrator, { ...NEW, user: BOB, name: "x".repeat(200), seconds: undefined });
  expect(listTokens(services, administrator, BOB)).toMatchObject([
    { name: "x".repeat(100), expires: undefined },
  ]);
});
