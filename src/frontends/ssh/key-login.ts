import ssh2, { type PublicKeyAuthContext } from "ssh2";
import { blobOf } from "../../primitives/users/ssh-key.ts";
import { parseUserName, sshKeys, type UserName } from "../../primitives/users/user.ts";
import type { UserDirectory } from "../../primitives/users/user-directory.ts";

/**
 * The user who logs in with a key (RFC 4252, section 7): one that was added for that user, and a signature by it. A client
 * that only asks whether a key would do is told so too.
 */
export function keyOwner(
  { username, key, blob, signature, hashAlgo }: PublicKeyAuthContext,
  users: UserDirectory,
): UserName | undefined {
  const name = parseUserName(username);
  const user = name && users.get(name);
  if (!user || user.isDisabled) return undefined;
  const known = sshKeys(user).find((credential) => blobOf(credential.key).equals(key.data));
  if (!known) return undefined;
  if (!signature || !blob) return user.name;
  // RSA with SHA-1 can be forged.
  if (known.key.startsWith("ssh-rsa ") && hashAlgo !== "sha256" && hashAlgo !== "sha512") return undefined;
  const parsed = ssh2.utils.parseKey(known.key);
  if (parsed instanceof Error) return undefined;
  return parsed.verify(blob, signature, hashAlgo) === true ? user.name : undefined;
}
