import { expect, test } from "bun:test";
import { consoleLogger } from "../../../src/primitives/logging/logger.ts";
import { localStores } from "../../../src/primitives/store/open-engine.ts";
import type { StoreName } from "../../../src/primitives/store/store-manager.ts";
import { type ParsedKey, parseSshKey } from "../../../src/primitives/users/ssh-key.ts";
import { sshKeys, type UserName } from "../../../src/primitives/users/user.ts";
import { identityOf, UserRegistry } from "../../../src/primitives/users/user-registry.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const alice = "alice" as UserName;

/** The `index`th of as many Ed25519 keys as one likes. */
function keyAt(index: number): ParsedKey {
  const type = Buffer.from("\0\0\0\x0bssh-ed25519\0\0\0\x20", "latin1");
  const point = Buffer.alloc(32);
  point.writeUInt32BE(index);
  const parsed = parseSshKey(`ssh-ed25519 ${Buffer.concat([type, point]).toString("base64")}`);
  if ("fault" in parsed) throw new Error(parsed.fault);
  return parsed;
}

test("a user has at most 256 keys", async () => {
  const store = await localStores(temporaryDirectory(), consoleLogger).open("everlock-users" as StoreName);
  const users = await UserRegistry.load(store, () => undefined);
  const actor = identityOf(alice);
  await users.add(actor, alice, "change-me");
  for (let i = 0; i < 256; i++) await users.addKey(actor, alice, keyAt(i));
  expect(users.addKey(actor, alice, keyAt(256))).rejects.toThrow(
    "user 'alice' has 256 keys, and may have no more",
  );
  await users.addKey(actor, alice, keyAt(256)).catch(() => undefined);
  expect(sshKeys(users.existing(alice))).toHaveLength(256);
}, 30_000);
