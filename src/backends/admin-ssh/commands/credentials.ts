import { parseDuration } from "../../../primitives/text/duration.ts";
import type { Grant } from "../../../primitives/users/access-file.ts";
import { makeApiToken, parseApiTokenId } from "../../../primitives/users/api-token.ts";
import { fingerprintOf, parseSshKey } from "../../../primitives/users/ssh-key.ts";
import { type ApiTokenCredential, apiTokens, sshKeys, type User } from "../../../primitives/users/user.ts";
import { LOGIN, readLogin, readPath, readRole } from "./access-words.ts";
import { alignColumns, type Command, type Parameter, type UserCommandContext } from "./command.ts";
import { ConsoleError } from "./console-error.ts";
import { listing, timeOf } from "./table.ts";

const ACTION: Parameter = { name: "add|list|remove", candidates: () => ["add", "list", "remove"] };
const TOKEN_USAGE = "name=<words> expires=<duration> path=<access path> role=<role>";

export const CREDENTIAL_COMMANDS: readonly Command<UserCommandContext>[] = [
  {
    scope: "users",
    verb: "key",
    parameters: [ACTION, LOGIN, { name: "key", optional: true, repeated: true }],
    summary: "manage the SSH keys that open the console; all users may manage their own",
    example: "/users key add alice ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA… alice@laptop",
    adminOnly: false,
    isChange: ([action]) => action !== "list",
    async run([action = "", login = "", ...words], context) {
      const { users, actor } = context;
      const owner = ownerOf(login, context);
      const { name } = owner;
      switch (action) {
        case "list": {
          const records = sshKeys(owner).map(({ key, comment }) => ({
            fingerprint: fingerprintOf(key),
            type: key.slice(0, key.indexOf(" ")),
            comment,
          }));
          const lines = alignColumns(
            records.map(({ fingerprint, type, comment }) => [fingerprint, type, comment]),
          );
          return { lines: records.length > 0 ? lines : [`'${name}' has no keys`], records };
        }
        case "add": {
          const parsed = parseSshKey(words.join(" "));
          if ("fault" in parsed) throw new ConsoleError(parsed.fault);
          await users.addKey(actor, name, parsed);
          return [`key ${fingerprintOf(parsed.key)} opens the console for '${name}'`];
        }
        case "remove": {
          const [fingerprint = ""] = words;
          await users.removeKey(actor, name, fingerprint);
          return [`key ${fingerprint} removed from '${name}'`];
        }
        default:
          throw new ConsoleError(`'${action}' is none of add, list, remove`);
      }
    },
  },
  {
    scope: "users",
    verb: "token",
    parameters: [
      ACTION,
      LOGIN,
      {
        name: "id|name=|expires=|path=|role=",
        optional: true,
        repeated: true,
        candidates: () => ["name=", "expires=", "path=", "role="],
      },
    ],
    summary: "manage API tokens: passwords for robots that pull and push, never for the console",
    example: "/users token add alice name=ci expires=90d path=http/oci/default/team/** role=writer",
    adminOnly: false,
    isChange: ([action]) => action !== "list",
    async run([action = "", login = "", ...words], context) {
      const { users, tokenUses, width, actor } = context;
      const owner = ownerOf(login, context);
      const { name } = owner;
      switch (action) {
        case "list":
          return listing(
            apiTokens(owner).map(({ hash: _, ...shown }) => ({
              ...shown,
              lastUsed: tokenUses.lastUse(shown.id),
            })),
            TOKEN_COLUMNS,
            { width },
            { empty: `'${name}' has no API tokens` },
          );
        case "add": {
          const { id, hash, text } = makeApiToken();
          await users.addToken(actor, name, {
            kind: "api-token",
            id,
            hash,
            ...readTokenWords(words),
          });
          return {
            lines: [`API token ${id} of '${name}', which is shown this once:`, text],
            records: [{ login: name, id, token: text }],
          };
        }
        case "remove": {
          const id = parseApiTokenId(words[0] ?? "");
          if (!id)
            throw new ConsoleError(
              `'${words[0] ?? ""}' is no token's id; '/users token list ${name}' shows them`,
            );
          await users.removeToken(actor, name, id);
          return [`API token ${id} of '${name}' removed`];
        }
        default:
          throw new ConsoleError(`'${action}' is none of add, list, remove`);
      }
    },
  },
];

type ShownToken = Omit<ApiTokenCredential, "hash"> & { readonly lastUsed: number | undefined };

const TOKEN_COLUMNS: Readonly<Record<string, (token: ShownToken) => string>> = {
  id: ({ id }) => id,
  name: ({ name }) => name || "-",
  "expires (UTC)": ({ expires }) => (expires === undefined ? "never" : timeOf(expires)),
  "last used (UTC)": ({ lastUsed }) => (lastUsed === undefined ? "never" : timeOf(lastUsed)),
  path: ({ limit }) => limit?.path ?? "-",
  role: ({ limit }) => limit?.role ?? "-",
};

/** The user whose credentials are meant: oneself, or anybody's for an administrator. */
function ownerOf(login: string, { users, user, isAdministrator }: UserCommandContext): User {
  const name = readLogin(login);
  if (name !== user && !isAdministrator) {
    throw new ConsoleError(
      `the credentials of '${name}' take a system administrator, which '${user}' is not`,
    );
  }
  return users.existing(name);
}

function readTokenWords(words: readonly string[]): Pick<ApiTokenCredential, "name" | "expires" | "limit"> {
  const values = new Map<string, string>();
  for (const word of words) {
    const [, key, value = ""] = word.match(/^(name|expires|path|role)=(.*)$/) ?? [];
    if (key === undefined) throw new ConsoleError(`'${word}' is not ${TOKEN_USAGE}`);
    values.set(key, value);
  }
  const [expires, path, role] = [values.get("expires"), values.get("path"), values.get("role")];
  const seconds = expires === undefined ? undefined : parseDuration(expires);
  if (expires !== undefined && seconds === undefined)
    throw new ConsoleError(`'expires=${expires}' is no time such as expires=90d`);
  if ((path === undefined) !== (role === undefined))
    throw new ConsoleError("a limit takes both: path=<access path> role=<role>");
  const limit: Grant | undefined =
    path === undefined || role === undefined ? undefined : { path: readPath(path), role: readRole(role) };
  return {
    name: (values.get("name") ?? "").slice(0, 100),
    ...(seconds !== undefined && { expires: Math.floor(Date.now() / 1000) + seconds }),
    ...(limit && { limit }),
  };
}
