import { stringify } from "smol-toml";
import { AccessFile, type Grant } from "./access-file.ts";

/** The name a user logs in with, fixed for life: a lower-case slug. */
export type UserName = string & { readonly __brand: "UserName" };

const MAX_NAME_LENGTH = 64;

export function parseUserName(text: string): UserName | undefined {
  const valid = /^[a-z0-9]+([._-][a-z0-9]+)*$/.test(text) && text.length <= MAX_NAME_LENGTH;
  return valid ? (text as UserName) : undefined;
}

/** Built in: what it is granted, everybody has without logging in. It has no credentials. */
export const ANONYMOUS = "anon" as UserName;

export interface PasswordCredential {
  readonly kind: "password";
  /** Argon2id in PHC string format. */
  readonly hash: string;
}

export interface User {
  readonly name: UserName;
  readonly displayName: string;
  /** A disabled user keeps everything but can neither log in nor do anything. */
  readonly isDisabled: boolean;
  readonly credentials: readonly PasswordCredential[];
  readonly grants: readonly Grant[];
}

export function encodeUser(user: User): Uint8Array {
  const toml = stringify({
    display_name: user.displayName,
    ...(user.isDisabled && { disabled: true }),
    credentials: user.credentials.map(({ kind, hash }) => ({ kind, hash })),
    grants: user.grants.map(({ path, role }) => ({ path, role })),
  });
  return Buffer.from(toml);
}

/** Throws `InvalidAccessFileError`. */
export function parseUser(name: UserName, bytes: Uint8Array): User {
  const file = new AccessFile(`user '${name}'`, bytes);
  return {
    name,
    displayName: file.text("display_name", name),
    isDisabled: file.flag("disabled"),
    credentials: file.rows("credentials").map(({ kind, hash }) => {
      if (kind !== "password" || typeof hash !== "string" || !hash.startsWith("$argon2id$")) {
        throw file.fault("a credential is not a password with an Argon2id hash");
      }
      return { kind, hash };
    }),
    grants: file.grants(),
  };
}
