import { type Static, Type } from "typebox";
import { parseDuration } from "../../../primitives/text/duration.ts";
import type { Grant } from "../../../primitives/users/access-file.ts";
import { parseAccessPattern } from "../../../primitives/users/access-path.ts";
import { parseApiTokenId } from "../../../primitives/users/api-token.ts";
import { ROLES } from "../../../primitives/users/role.ts";
import { parseSshKey } from "../../../primitives/users/ssh-key.ts";
import {
  addKey,
  addToken,
  credentialOwner,
  listKeys,
  listTokens,
  removeKey,
  removeToken,
  type TokenRecord,
} from "../../accounts/credentials.ts";
import { readAccount } from "../../accounts/own-account.ts";
import { pathWarning } from "../../accounts/path-warning.ts";
import { setPassword } from "../../accounts/users.ts";
import { InvalidArgumentError, NotFoundError } from "../../refusals.ts";
import type { WebContext } from "../requests/web-context.ts";
import { apiRoute } from "./api-route.ts";
import { Time } from "./schemas.ts";

const MAX_TEXT = 1024;
/** An RSA key of 16,384 bits has less than 3,000 characters. */
const MAX_KEY = 16_384;

const GrantSchema = Type.Object({
  path: Type.String({ maxLength: MAX_TEXT, examples: ["http/oci/default/team/**"] }),
  role: Type.Enum(ROLES),
});

const Account = Type.Object({
  user: Type.String(),
  displayName: Type.String(),
  administrator: Type.Boolean(),
  ownerOf: Type.Optional(
    Type.String({ description: "the path of the registry with the user's name, which the user owns" }),
  ),
  grants: Type.Array(GrantSchema),
  groupGrants: Type.Array(Type.Object({ ...GrantSchema.properties, group: Type.String() })),
  anonymousGrants: Type.Array(GrantSchema, { description: "what everybody may do" }),
});

const Token = Type.Object({
  id: Type.String(),
  name: Type.String(),
  expires: Type.Optional(Time),
  limit: Type.Optional(GrantSchema),
  lastUsed: Type.Optional(Time),
});

const NewTokenSchema = Type.Object(
  {
    name: Type.Optional(Type.String({ maxLength: 100 })),
    lifetime: Type.Optional(
      Type.String({ description: "such as `90d`; absent: until it is revoked", maxLength: MAX_TEXT }),
    ),
    limit: Type.Optional(GrantSchema),
  },
  { additionalProperties: false },
);
export type NewTokenRequest = Static<typeof NewTokenSchema>;

const CreatedToken = Type.Object({
  id: Type.String(),
  token: Type.String({ description: "the secret; it is shown only now" }),
  warning: Type.Optional(Type.String()),
});
export type CreatedToken = Static<typeof CreatedToken>;

const Key = Type.Object({ fingerprint: Type.String(), type: Type.String(), comment: Type.String() });

/** The tokens of the actor. */
export function ownTokens({ services, actor }: WebContext): readonly TokenRecord[] {
  return listTokens(services, actor, actor.user);
}

export async function makeToken(
  { services, actor }: WebContext,
  { name = "", lifetime, limit }: NewTokenRequest,
  isUnique = false,
): Promise<CreatedToken> {
  // Checked first, so that a token gets no error about later fields.
  credentialOwner(services, actor, actor.user);
  const seconds = lifetime === undefined ? undefined : parseDuration(lifetime);
  if (lifetime !== undefined && !seconds)
    throw new InvalidArgumentError(`'${lifetime}' is not a lifetime such as 90d`);
  const grant = limit && parsedLimit(limit);
  const { id, text } = await addToken(services, actor, {
    user: actor.user,
    name,
    seconds,
    limit: grant,
    isUnique,
  });
  const warning = grant && pathWarning(services, grant.path);
  return { id, token: text, ...(warning !== undefined && { warning }) };
}

function parsedLimit({ path: text, role }: Static<typeof GrantSchema>): Grant {
  const path = parseAccessPattern(text);
  if (path) return { path, role };
  throw new InvalidArgumentError(
    `'${text}' is not an access path; use frontend/backend/namespace and a repository, such as http/oci/default/team/**`,
  );
}

export async function revokeToken({ services, actor }: WebContext, id: string): Promise<void> {
  credentialOwner(services, actor, actor.user);
  const parsed = parseApiTokenId(id);
  if (!parsed) throw new NotFoundError(`'${id}' is no token's id`);
  await removeToken(services, actor, { user: actor.user, id: parsed });
}

/** Resolves with the fingerprint. */
export async function addOwnKey({ services, actor }: WebContext, line: string): Promise<string> {
  credentialOwner(services, actor, actor.user);
  const key = parseSshKey(line);
  if ("fault" in key) throw new InvalidArgumentError(key.fault);
  return addKey(services, actor, { name: actor.user, key });
}

export async function removeOwnKey({ services, actor }: WebContext, fingerprint: string): Promise<void> {
  await removeKey(services, actor, { name: actor.user, fingerprint });
}

export async function changePassword(
  { services, actor }: WebContext,
  { old, password }: { readonly old: string; readonly password: string },
): Promise<void> {
  await setPassword(services, actor, { name: actor.user, old, password });
}

function tokenOf({ id, name, expires, limit, lastUsed }: TokenRecord): Static<typeof Token> {
  return {
    id,
    name,
    ...(expires && { expires: expires.toISOString() }),
    ...(limit && { limit }),
    ...(lastUsed && { lastUsed: lastUsed.toISOString() }),
  };
}

export const ACCOUNT_ROUTES = [
  apiRoute({
    method: "GET",
    path: "/account",
    operationId: "readAccount",
    summary: "The user's own account. All routes below it require the password, or a session of the pages.",
    response: Account,
    handle: ({ services, actor }) => {
      const { user, displayName, isAdministrator, namesakeOf, own, byGroup, anonymous } = readAccount(
        services,
        actor,
      );
      return {
        user,
        displayName,
        administrator: isAdministrator,
        ...(namesakeOf !== undefined && { ownerOf: namesakeOf }),
        grants: [...own],
        groupGrants: [...byGroup],
        anonymousGrants: [...anonymous],
      };
    },
  }),
  apiRoute({
    method: "GET",
    path: "/account/tokens",
    operationId: "listTokens",
    summary: "The user's API tokens, without their secrets.",
    response: Type.Object({ tokens: Type.Array(Token) }),
    handle: (context) => ({ tokens: ownTokens(context).map(tokenOf) }),
  }),
  apiRoute({
    method: "POST",
    path: "/account/tokens",
    operationId: "makeToken",
    summary: "Makes an API token.",
    body: NewTokenSchema,
    response: CreatedToken,
    handle: (context, { body }) => makeToken(context, body),
  }),
  apiRoute({
    method: "DELETE",
    path: "/account/tokens/{id}",
    operationId: "revokeToken",
    summary: "Revokes an API token; it is refused from then on.",
    handle: (context, { path }) => revokeToken(context, path.id),
  }),
  apiRoute({
    method: "GET",
    path: "/account/keys",
    operationId: "listKeys",
    summary: "The user's SSH keys for the console.",
    response: Type.Object({ keys: Type.Array(Key) }),
    handle: ({ services, actor }) => ({ keys: listKeys(services, actor, actor.user) }),
  }),
  apiRoute({
    method: "POST",
    path: "/account/keys",
    operationId: "addKey",
    summary: "Adds an SSH key for the console.",
    body: Type.Object(
      { key: Type.String({ description: "a line of a `.pub` file", maxLength: MAX_KEY }) },
      { additionalProperties: false },
    ),
    response: Type.Object({ fingerprint: Type.String() }),
    handle: async (context, { body }) => ({ fingerprint: await addOwnKey(context, body.key) }),
  }),
  apiRoute({
    method: "DELETE",
    path: "/account/keys/{fingerprint}",
    operationId: "removeKey",
    summary: "Removes an SSH key; `fingerprint` is percent-encoded.",
    handle: (context, { path }) => removeOwnKey(context, path.fingerprint),
  }),
  apiRoute({
    method: "PUT",
    path: "/account/password",
    operationId: "changePassword",
    summary:
      "Changes the user's password, which ends all sessions; a wrong present one counts as a failed login.",
    body: Type.Object(
      { old: Type.String({ maxLength: MAX_TEXT }), password: Type.String({ maxLength: MAX_TEXT }) },
      { additionalProperties: false },
    ),
    handle: (context, { body }) => changePassword(context, body),
  }),
];
