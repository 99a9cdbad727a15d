import type { Grant } from "../../primitives/users/access-file.ts";
import { type ApiTokenId, makeApiToken } from "../../primitives/users/api-token.ts";
import { fingerprintOf, type ParsedKey } from "../../primitives/users/ssh-key.ts";
import type { TokenUses } from "../../primitives/users/token-uses.ts";
import {
  type ApiTokenCredential,
  apiTokens,
  sshKeys,
  type User,
  type UserName,
} from "../../primitives/users/user.ts";
import { type Actor, requirePerson } from "../actor.ts";
import { NotAllowedError } from "../refusals.ts";
import { type AccountServices, existingUser, type KnownUsers } from "./account-services.ts";

/** Longest name of a token (characters); longer ones are cut. */
const MAX_TOKEN_NAME = 100;

/**
 * Returns a user whose credentials the actor may manage: the actor itself, or any user for an administrator. A token may manage
 * none, so that it can't outlive its own end or limit.
 */
export function credentialOwner(services: KnownUsers, actor: Actor, name: UserName): User {
  requirePerson(actor, "managing credentials");
  if (name !== actor.user && !actor.isAdministrator())
    throw new NotAllowedError(
      `only a system administrator may manage the credentials of '${name}'; '${actor.user}' is not one`,
    );
  return existingUser(services, name);
}

export interface KeyRecord {
  /** In the format of `ssh-keygen -l`. */
  readonly fingerprint: string;
  /** For example `ssh-ed25519`. */
  readonly type: string;
  readonly comment: string;
}

export function listKeys(services: KnownUsers, actor: Actor, name: UserName): KeyRecord[] {
  return sshKeys(credentialOwner(services, actor, name)).map(({ key, comment }) => ({
    fingerprint: fingerprintOf(key),
    type: key.slice(0, key.indexOf(" ")),
    comment,
  }));
}

/** Adds a key for logins to the console. Resolves with its fingerprint. */
export async function addKey(
  services: AccountServices,
  actor: Actor,
  { name, key }: { readonly name: UserName; readonly key: ParsedKey },
): Promise<string> {
  credentialOwner(services, actor, name);
  await services.users.addKey(actor.identity, name, key);
  return fingerprintOf(key.key);
}

export async function removeKey(
  services: AccountServices,
  actor: Actor,
  { name, fingerprint }: { readonly name: UserName; readonly fingerprint: string },
): Promise<void> {
  credentialOwner(services, actor, name);
  await services.users.removeKey(actor.identity, name, fingerprint);
}

/** An API token without its secret. */
export interface TokenRecord {
  readonly id: ApiTokenId;
  /** A description by the user. */
  readonly name: string;
  readonly expires: Date | undefined;
  /** The limit of its access; `undefined`: all access of its user. */
  readonly limit: Grant | undefined;
  readonly lastUsed: Date | undefined;
}

export function listTokens(
  services: KnownUsers & { readonly tokenUses: Pick<TokenUses, "lastUse"> },
  actor: Actor,
  name: UserName,
): TokenRecord[] {
  return apiTokens(credentialOwner(services, actor, name)).map((token) => ({
    id: token.id,
    name: token.name,
    expires: dateOf(token.expires),
    limit: token.limit,
    lastUsed: dateOf(services.tokenUses.lastUse(token.id)),
  }));
}

export interface NewToken {
  readonly user: UserName;
  readonly name: string;
  /** Lifetime in seconds; `undefined`: until it is removed. */
  readonly seconds: number | undefined;
  readonly limit: Grant | undefined;
  /** Refuses a second valid token of this name. */
  readonly isUnique?: boolean;
}

/** A new token with its secret, which is not stored. */
export interface CreatedToken {
  readonly id: ApiTokenId;
  readonly text: string;
}

export async function addToken(
  services: AccountServices,
  actor: Actor,
  { user, name, seconds, limit, isUnique = false }: NewToken,
): Promise<CreatedToken> {
  credentialOwner(services, actor, user);
  const { id, hash, text } = makeApiToken();
  const token: ApiTokenCredential = {
    kind: "api-token",
    id,
    hash,
    name: name.slice(0, MAX_TOKEN_NAME),
    ...(seconds !== undefined && { expires: Math.floor(Date.now() / 1000) + seconds }),
    ...(limit && { limit }),
  };
  await services.users.addToken(actor.identity, user, token, { isUnique });
  return { id, text };
}

export async function removeToken(
  services: AccountServices,
  actor: Actor,
  { user, id }: { readonly user: UserName; readonly id: ApiTokenId },
): Promise<void> {
  credentialOwner(services, actor, user);
  await services.users.removeToken(actor.identity, user, id);
}

function dateOf(seconds: number | undefined): Date | undefined {
  return seconds === undefined ? undefined : new Date(seconds * 1000);
}
