import { parse, stringify, TomlError } from "smol-toml";
import { type AccessPattern, parseAccessPattern } from "./access-path.ts";
import { parseRole, type Role } from "./role.ts";

/** The name a user logs in with, fixed for life: a lower-case slug. */
export type UserName = string & { readonly __brand: "UserName" };

const MAX_NAME_LENGTH = 64;

export function parseUserName(text: string): UserName | undefined {
  const valid = /^[a-z0-9]+([._-][a-z0-9]+)*$/.test(text) && text.length <= MAX_NAME_LENGTH;
  return valid ? (text as UserName) : undefined;
}

/** Built in: what it is granted, everybody has without logging in. It has no credentials. */
export const ANONYMOUS = "anon" as UserName;

export interface Grant {
  readonly path: AccessPattern;
  readonly role: Role;
}

export interface PasswordCredential {
  readonly kind: "password";
  /** Argon2id in PHC string format. */
  readonly hash: string;
}

export interface User {
  readonly name: UserName;
  readonly displayName: string;
  readonly credentials: readonly PasswordCredential[];
  readonly grants: readonly Grant[];
}

/** A file in the users' store that does not say what it should. */
export class InvalidUserError extends Error {
  constructor(name: string, reason: string) {
    super(`user '${name}': ${reason}`);
    this.name = "InvalidUserError";
  }
}

export function encodeUser(user: User): Uint8Array {
  const toml = stringify({
    display_name: user.displayName,
    credentials: user.credentials.map(({ kind, hash }) => ({ kind, hash })),
    grants: user.grants.map(({ path, role }) => ({ path, role })),
  });
  return Buffer.from(toml);
}

/** Throws `InvalidUserError`. */
export function parseUser(name: UserName, bytes: Uint8Array): User {
  const table = parseToml(name, bytes);
  const displayName = table["display_name"] ?? name;
  if (typeof displayName !== "string") throw new InvalidUserError(name, "display_name is not a string");
  return {
    name,
    displayName,
    credentials: rows(name, table, "credentials").map((row) => parseCredential(name, row)),
    grants: rows(name, table, "grants").map((row) => parseGrant(name, row)),
  };
}

type Row = Readonly<Record<string, unknown>>;

function parseToml(name: UserName, bytes: Uint8Array): Row {
  try {
    return parse(new TextDecoder().decode(bytes));
  } catch (error) {
    if (error instanceof TomlError)
      throw new InvalidUserError(name, `line ${error.line}: ${error.message.split("\n")[0]}`);
    throw error;
  }
}

function rows(name: UserName, table: Row, key: string): Row[] {
  const value = table[key] ?? [];
  if (!Array.isArray(value) || value.some((row) => typeof row !== "object" || row === null)) {
    throw new InvalidUserError(name, `${key} is not a list of tables`);
  }
  return value;
}

function parseCredential(name: UserName, { kind, hash }: Row): PasswordCredential {
  if (kind !== "password" || typeof hash !== "string" || !hash.startsWith("$argon2id$")) {
    throw new InvalidUserError(name, "a credential is not a password with an Argon2id hash");
  }
  return { kind, hash };
}

function parseGrant(name: UserName, row: Row): Grant {
  const path = parseAccessPattern(String(row["path"]));
  const role = parseRole(String(row["role"]));
  if (!path)
    throw new InvalidUserError(name, `grant path '${row["path"]}' is not frontend/backend/namespace`);
  if (!role) throw new InvalidUserError(name, `grant role '${row["role"]}' is none of reader, writer, owner`);
  return { path, role };
}
