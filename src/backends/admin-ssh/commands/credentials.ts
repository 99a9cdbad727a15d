import { parseDuration } from "../../../primitives/text/duration.ts";
import type { Grant } from "../../../primitives/users/access-file.ts";
import { parseApiTokenId } from "../../../primitives/users/api-token.ts";
import { parseSshKey } from "../../../primitives/users/ssh-key.ts";
import type { UserName } from "../../../primitives/users/user.ts";
import {
  addKey,
  addToken,
  credentialOwner,
  listKeys,
  listTokens,
  type NewToken,
  removeKey,
  removeToken,
  type TokenRecord,
} from "../../accounts/credentials.ts";
import { pathWarning } from "../../accounts/path-warning.ts";
import { LOGIN, PATH, ROLE, readLogin, readPath, readRole } from "./access-words.ts";
import type { Command, CommandResult, Parameter, UserCommandContext } from "./command.ts";
import { ConsoleError } from "./console-error.ts";
import { settingCandidates } from "./known-names.ts";
import { outcome, withWarning } from "./outcome.ts";
import { IF_EXISTS, IF_MISSING } from "./repeat.ts";
import { alignColumns, type Columns, formatTime, listing, TIME_LEAST } from "./table.ts";

const ACTION: Parameter = { name: "add|list|remove", candidates: () => ["add", "list", "remove"] };
const REPEATS = [
  { ...IF_MISSING, action: "add" },
  { ...IF_EXISTS, action: "remove" },
];
const TOKEN_WORDS = { name: undefined, expires: undefined, path: PATH.candidates, role: ROLE.candidates };
const TOKEN_USAGE = "name=<words> expires=<duration> path=<access path> role=<role>";

/** Adds, lists or removes credentials of one user. */
type CredentialAction = (
  name: UserName,
  words: readonly string[],
  context: UserCommandContext,
) => CommandResult | Promise<CommandResult>;

const KEY_ACTIONS: Readonly<Record<string, CredentialAction>> = {
  list(name, _words, context) {
    const records = listKeys(context, context.actor, name);
    const cells = records.map(({ fingerprint, type, comment }) => [fingerprint, type, comment]);
    const lines = alignColumns(cells, context);
    return { lines: records.length > 0 ? lines : [`'${name}' has no keys`], records };
  },
  async add(name, words, context) {
    const key = parseSshKey(words.join(" "));
    if ("fault" in key) throw new ConsoleError(key.fault);
    const fingerprint = await addKey(context, context.actor, { name, key });
    return outcome(`key ${fingerprint} opens the console for '${name}'`, { login: name, fingerprint });
  },
  async remove(name, [fingerprint = ""], context) {
    await removeKey(context, context.actor, { name, fingerprint });
    return outcome(`key ${fingerprint} removed from '${name}'`, { login: name, fingerprint });
  },
};

const TOKEN_ACTIONS: Readonly<Record<string, CredentialAction>> = {
  list(name, _words, context) {
    const tokens = listTokens(context, context.actor, name);
    const { lines } = listing(tokens, TOKEN_COLUMNS, context, { empty: `'${name}' has no API tokens` });
    return { lines, records: tokens.map(tokenJson) };
  },
  async add(user, words, context) {
    const isUnique = context.repeat !== undefined;
    const wanted = readTokenWords(words);
    if (isUnique && wanted.name === "")
      throw new ConsoleError(`${IF_MISSING.flag} requires the name of the token: name=<words>`);
    const { id, text } = await addToken(context, context.actor, { user, ...wanted, isUnique });
    const message = `API token ${id} of '${user}', shown only now:`;
    const records = [{ message, changed: true, login: user, id, token: text }];
    const warning = wanted.limit && pathWarning(context, wanted.limit.path);
    return withWarning({ lines: [message, text], records }, warning);
  },
  async remove(user, [text = ""], context) {
    const id = parseApiTokenId(text);
    if (!id) throw new ConsoleError(`'${text}' is no token's id; '/users token list ${user}' shows them`);
    await removeToken(context, context.actor, { user, id });
    return outcome(`API token ${id} of '${user}' removed`, { login: user, id });
  },
};

export const CREDENTIAL_COMMANDS: readonly Command<UserCommandContext>[] = [
  {
    scope: "users",
    verb: "key",
    parameters: [ACTION, LOGIN, { name: "key", optional: true, repeated: true }],
    summary: "manage the SSH keys for the console; all users may manage their own",
    example: "/users key add alice ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA… alice@laptop",
    adminOnly: false,
    isChange: ([action]) => action !== "list",
    repeats: REPEATS,
    run: (args, context) => runAction(KEY_ACTIONS, args, context),
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
        candidates: (names, place) => settingCandidates(TOKEN_WORDS, names, place),
      },
    ],
    summary: "manage API tokens: passwords for robots that pull and push, never for the console",
    example: "/users token add alice name=ci expires=90d path=http/oci/default/team/** role=writer",
    adminOnly: false,
    isChange: ([action]) => action !== "list",
    repeats: REPEATS,
    run: (args, context) => runAction(TOKEN_ACTIONS, args, context),
  },
];

function runAction(
  actions: Readonly<Record<string, CredentialAction>>,
  [action = "", login = "", ...words]: readonly string[],
  context: UserCommandContext,
): CommandResult | Promise<CommandResult> {
  const name = readLogin(login);
  // Checked first, so that a user who may not see the credentials gets no error about later words.
  credentialOwner(context, context.actor, name);
  const run = Object.hasOwn(actions, action) ? actions[action] : undefined;
  if (!run) throw new ConsoleError(`'${action}' is none of add, list, remove`);
  return run(name, words, context);
}

const TOKEN_COLUMNS: Columns<TokenRecord> = {
  id: { cell: ({ id }) => id },
  name: ({ name }) => name || "-",
  "expires (UTC)": { cell: ({ expires }) => timeOrNever(expires), leaveOut: 1, least: TIME_LEAST },
  "last used (UTC)": { cell: ({ lastUsed }) => timeOrNever(lastUsed), leaveOut: 2 },
  path: ({ limit }) => limit?.path ?? "-",
  role: ({ limit }) => limit?.role ?? "-",
};

const timeOrNever = (time: Date | undefined) => (time ? formatTime(time) : "never");

function tokenJson({ id, name, expires, limit, lastUsed }: TokenRecord): object {
  return {
    kind: "api-token",
    id,
    name,
    expires,
    limit,
    lastUsed,
  };
}

function readTokenWords(words: readonly string[]): Omit<NewToken, "user" | "isUnique"> {
  const values = new Map<string, string>();
  for (const word of words) {
    const [, key, value = ""] = word.match(/^(name|expires|path|role)=(.*)$/) ?? [];
    if (key === undefined) throw new ConsoleError(`'${word}' is not ${TOKEN_USAGE}`);
    values.set(key, value);
  }
  const [expires, path, role] = [values.get("expires"), values.get("path"), values.get("role")];
  const seconds = expires === undefined ? undefined : parseDuration(expires);
  if (expires !== undefined && seconds === undefined)
    throw new ConsoleError(`'expires=${expires}' is not a time such as expires=90d`);
  if ((path === undefined) !== (role === undefined))
    throw new ConsoleError("a limit requires both path and role: path=<access path> role=<role>");
  const limit: Grant | undefined =
    path === undefined || role === undefined ? undefined : { path: readPath(path), role: readRole(role) };
  return { name: values.get("name") ?? "", seconds, limit };
}
