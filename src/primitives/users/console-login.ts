import type { SshPublicKey } from "./ssh-key.ts";
import { passwordHashes, sshKeys, type UserName } from "./user.ts";
import type { UserDirectory } from "./user-directory.ts";

/** A console login: the user and the credential. A session ends when either is removed. */
export interface ConsoleLogin {
  readonly user: UserName;
  readonly by:
    | { readonly kind: "key"; readonly key: SshPublicKey }
    /** The hashes of the user's passwords at login. */
    | { readonly kind: "password"; readonly hashes: readonly string[] };
}

/** Why a login is no longer valid, as a message for its user; `undefined` while it is valid. */
export function whyEnded({ user: name, by }: ConsoleLogin, directory: UserDirectory): string | undefined {
  const user = directory.get(name);
  if (!user) return `the user '${name}' was deleted`;
  if (user.isDisabled) return `the user '${name}' was disabled`;
  if (by.kind === "key") {
    const isThere = sshKeys(user).some(({ key }) => key === by.key);
    return isThere ? undefined : `the key that '${name}' logged in with was removed`;
  }
  const hashes = passwordHashes(user);
  const isSame = hashes.length === by.hashes.length && by.hashes.every((hash) => hashes.includes(hash));
  return isSame ? undefined : `the password of '${name}' was changed`;
}
