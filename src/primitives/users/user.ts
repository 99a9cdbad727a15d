import { stringify } from "smol-toml";
import { AccessFile, type Grant, type Row } from "./access-file.ts";
import { parseSshKey, type SshPublicKey } from "./ssh-key.ts";

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

/** Opens the console, not the registries. */
export interface SshKeyCredential {
  readonly kind: "ssh-key";
  readonly key: SshPublicKey;
  readonly comment: string;
}

export type Credential = PasswordCredential | SshKeyCredential;

export interface User {
  readonly name: UserName;
  readonly displayName: string;
  /** A disabled user keeps everything but can neither log in nor do anything. */
  readonly isDisabled: boolean;
  readonly credentials: readonly Credential[];
  readonly grants: readonly Grant[];
}

export function encodeUser(user: User): Uint8Array {
  const toml = stringify({
    display_name: user.displayName,
    ...(user.isDisabled && { disabled: true }),
    credentials: user.credentials.map((credential) => ({ ...credential })),
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
    credentials: file.rows("credentials").map((row) => parseCredential(file, row)),
    grants: file.grants(),
  };
}

function parseCredential(file: AccessFile, { kind, hash, key, comment }: Row): Credential {
  switch (kind) {
    case "password":
      if (typeof hash === "string" && hash.startsWith("$argon2id$")) return { kind, hash };
      throw file.fault("a password has no Argon2id hash");
    case "ssh-key": {
      const parsed = parseSshKey(`${key} ${comment ?? ""}`);
      if ("fault" in parsed) throw file.fault(`an SSH key: ${parsed.fault}`);
      return { kind, ...parsed };
    }
    default:
      throw file.fault(`a credential of the kind '${kind}' is neither a password nor an ssh-key`);
  }
}

/** Argon2id hashes of the passwords that are good; a disabled user has none. */
export function passwordHashes({ isDisabled, credentials }: User): string[] {
  return isDisabled
    ? []
    : credentials.flatMap((credential) => (credential.kind === "password" ? credential.hash : []));
}

export function sshKeys({ credentials }: User): SshKeyCredential[] {
  return credentials.filter((credential) => credential.kind === "ssh-key");
}
