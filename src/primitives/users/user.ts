import { stringify } from "smol-toml";
import { plainText } from "../text/records.ts";
import { AccessFile, type Grant, type Row } from "./access-file.ts";
import { type ApiTokenId, parseApiTokenId } from "./api-token.ts";
import { type EndedSessions, encodeEnded, parseEnded } from "./ended-sessions.ts";
import { foreignHashFault } from "./passwords.ts";
import { parseSshKey, type SshPublicKey } from "./ssh-key.ts";
import { userNameFault } from "./user-name-fault.ts";

/** A user's login, which never changes. */
export type UserName = string & { readonly __brand: "UserName" };

export function parseUserName(text: string): UserName | undefined {
  return userNameFault(text) === undefined ? (text as UserName) : undefined;
}

/** The built-in user without credentials, whose grants every client has without a login. */
export const ANONYMOUS = "anon" as UserName;

/** Commits under these names would look like the server's own, or like `anon`. */
const RESERVED: readonly string[] = [ANONYMOUS, "system", "everlock"];

/** Whether no user can be created with this name; one created by an earlier version keeps working. */
export function isReservedName(name: UserName): boolean {
  return RESERVED.includes(name);
}

export interface PasswordCredential {
  readonly kind: "password";
  /** Argon2id in PHC string format; of an imported user, bcrypt until the first login. */
  readonly hash: string;
}

/** Valid for the console, not for registries. */
export interface SshKeyCredential {
  readonly kind: "ssh-key";
  readonly key: SshPublicKey;
  readonly comment: string;
}

/** A password for automation: not valid for the console, and restricted to `limit`. */
export interface ApiTokenCredential {
  readonly kind: "api-token";
  readonly id: ApiTokenId;
  /** A label that its user chose. */
  readonly name: string;
  /** SHA-256 of the token, in hex. */
  readonly hash: string;
  /** In seconds since the epoch. */
  readonly expires?: number;
  /** Restricts the token to this part of its user's rights. */
  readonly limit?: Grant;
}

export type Credential = PasswordCredential | SshKeyCredential | ApiTokenCredential;

export interface User {
  readonly name: UserName;
  readonly displayName: string;
  /** A disabled user keeps its grants and credentials, but has no access. */
  readonly isDisabled: boolean;
  readonly credentials: readonly Credential[];
  readonly grants: readonly Grant[];
  readonly endedSessions?: EndedSessions;
}

export function encodeUser(user: User): Uint8Array {
  const toml = stringify({
    display_name: user.displayName,
    ...(user.isDisabled && { disabled: true }),
    credentials: user.credentials.map((credential) => {
      if (credential.kind !== "api-token" || !credential.limit) return { ...credential };
      const { limit, ...others } = credential;
      return { ...others, path: limit.path, role: limit.role };
    }),
    grants: user.grants.map(({ path, role }) => ({ path, role })),
    ...encodeEnded(user.endedSessions),
  });
  return Buffer.from(toml);
}

/** Throws `InvalidAccessFileError`. */
export function parseUser(name: UserName, bytes: Uint8Array): User {
  const file = new AccessFile(`user '${name}'`, bytes);
  const endedSessions = parseEnded(file);
  return {
    name,
    displayName: file.text("display_name", name),
    isDisabled: file.flag("disabled"),
    credentials: file.rows("credentials").map((row) => parseCredential(file, row)),
    grants: file.grants(),
    ...(endedSessions && { endedSessions }),
  };
}

function parseCredential(file: AccessFile, row: Row): Credential {
  const { kind, hash, key, comment } = row;
  switch (kind) {
    case "api-token":
      return parseApiToken(file, row);
    case "password":
      if (typeof hash === "string" && isStoredHash(hash)) return { kind, hash };
      throw file.fault("a password has neither an Argon2id hash nor a bcrypt hash that is accepted");
    case "ssh-key": {
      const parsed = parseSshKey(`${plainText(key)} ${plainText(comment)}`);
      if ("fault" in parsed) throw file.fault(`an SSH key: ${parsed.fault}`);
      return { kind, ...parsed };
    }
    default:
      throw file.fault(
        `a credential of the kind '${plainText(kind)}' is none of password, ssh-key, api-token`,
      );
  }
}

function isStoredHash(hash: string): boolean {
  return hash.startsWith("$argon2id$") || foreignHashFault(hash) === undefined;
}

function parseApiToken(file: AccessFile, { id, name, hash, expires, path, role }: Row): ApiTokenCredential {
  const parsedId = parseApiTokenId(plainText(id));
  if (!parsedId || typeof hash !== "string" || !/^[0-9a-f]{64}$/.test(hash))
    throw file.fault("an API token has no id or hash");
  if (expires !== undefined && typeof expires !== "number")
    throw file.fault("an API token expires at no time");
  const limit = path === undefined ? undefined : file.grant({ path, role });
  return {
    kind: "api-token",
    id: parsedId,
    name: plainText(name),
    hash,
    ...(expires !== undefined && { expires }),
    ...(limit && { limit }),
  };
}

/** The valid credential with this hash: a password, or an API token that has not expired. */
export function goodCredential(
  { isDisabled, credentials }: User,
  hash: string,
): PasswordCredential | ApiTokenCredential | undefined {
  if (isDisabled) return undefined;
  const found = credentials.find((credential) => credential.kind !== "ssh-key" && credential.hash === hash);
  if (!found || found.kind === "ssh-key") return undefined;
  return found.kind === "api-token" && hasExpired(found) ? undefined : found;
}

/** The credentials without API tokens that have expired. */
export function withoutExpired(credentials: readonly Credential[]): readonly Credential[] {
  return credentials.filter((credential) => credential.kind !== "api-token" || !hasExpired(credential));
}

export function hasExpired({ expires }: ApiTokenCredential): boolean {
  return expires !== undefined && expires <= Date.now() / 1000;
}

export function apiTokens({ credentials }: User): ApiTokenCredential[] {
  return credentials.filter((credential) => credential.kind === "api-token");
}

/** The hashes of the user's passwords; none for a disabled user. */
export function passwordHashes({ isDisabled, credentials }: User): string[] {
  return isDisabled
    ? []
    : credentials.flatMap((credential) => (credential.kind === "password" ? credential.hash : []));
}

export function sshKeys({ credentials }: User): SshKeyCredential[] {
  return credentials.filter((credential) => credential.kind === "ssh-key");
}
