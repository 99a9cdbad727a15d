import { type ArgsDef, defineCommand } from "citty";
import { MACHINE_ACTOR } from "../backends/actor.ts";
import { chooseCommand, printable } from "../backends/admin-ssh/choose-command.ts";
import { quoteWord } from "../backends/admin-ssh/command-line.ts";
import type { UserCommandContext } from "../backends/admin-ssh/commands/command.ts";
import { ConsoleError } from "../backends/admin-ssh/commands/console-error.ts";
import { CREDENTIAL_COMMANDS } from "../backends/admin-ssh/commands/credentials.ts";
import { withHints } from "../backends/admin-ssh/commands/refusal-hints.ts";
import { repeatable } from "../backends/admin-ssh/commands/repeat.ts";
import { USER_COMMANDS } from "../backends/admin-ssh/commands/users.ts";
import { JSON_FLAG } from "../backends/admin-ssh/json-lines.ts";
import { readStoredInstances } from "../backends/oci-http/instances/stored-instances.ts";
import { resolveServerConfig } from "../config/server-config.ts";
import { UsageError } from "../config/settings.ts";
import { messageOf } from "../primitives/expected-error.ts";
import { consoleLogger } from "../primitives/logging/logger.ts";
import type { StoreManager } from "../primitives/store/store-manager.ts";
import { visibleText } from "../primitives/text/visible-text.ts";
import { PasswordChecker } from "../primitives/users/password-checker.ts";
import { TokenUses } from "../primitives/users/token-uses.ts";
import { USERS_STORE, UserRegistry } from "../primitives/users/user-registry.ts";
import { askSecret } from "./ask-secret.ts";
import { PASSWORD_ARGS, serverDirectory, splitFlags } from "./data-directory-args.ts";
import { type OfflineStorage, openOffline, STORAGE_ARGS } from "./offline-storage.ts";
import { runOnServer } from "./server-line.ts";

const COMMANDS = [...USER_COMMANDS, ...CREDENTIAL_COMMANDS];
const VERBS = COMMANDS.map(({ verb }) => verb).join("|");
const USAGE = `use: everlock users ${VERBS} … [--json] [--data-dir <dir> | --storage s3://<bucket>/<prefix>]`;

/** Flags that have values, of the commands that change users. */
export const USERS_ARGS: ArgsDef = { ...PASSWORD_ARGS, ...STORAGE_ARGS };

const ARGS: ArgsDef = {
  verb: { type: "positional", required: false, description: VERBS },
  json: { type: "boolean", description: "print JSON Lines" },
  ...USERS_ARGS,
};

export const users = defineCommand({
  meta: {
    name: "users",
    description:
      "Run the console's /users commands on this machine, without a login, whether the server runs or not",
  },
  args: ARGS,
  async run({ rawArgs }) {
    const { words, flags } = splitFlags(rawArgs, USERS_ARGS);
    await runUsers(words, flags, USAGE);
  },
});

/** Runs a `/users` command on the running server, or on the data directory or bucket if none runs on this machine. */
export async function runUsers(
  words: readonly string[],
  flags: readonly string[],
  usage: string,
): Promise<void> {
  // Checked first: a wrong command line has no effect on either.
  choose(words.filter((word) => word !== JSON_FLAG));
  const line = ["/users", ...words].map(quoteWord).join(" ");
  const config = resolveServerConfig(flags, process.env);
  const directory = serverDirectory(config, usage);
  if (directory !== undefined && (await runOnServer(directory, line))) return;
  await using storage = await openOffline(config, usage);
  await runHere(words, storage, config.passwordMinLength);
}

async function runHere(
  words: readonly string[],
  { stores, dir }: OfflineStorage,
  passwordMinLength: number,
): Promise<void> {
  const isJson = words.includes(JSON_FLAG);
  const { command, args, repeat } = choose(words.filter((word) => word !== JSON_FLAG));
  await using undo = new AsyncDisposableStack();
  const store = await stores.open(USERS_STORE);
  undo.defer(() => store.close());
  const tokenUses = new TokenUses(`${dir}/token_uses.json`, consoleLogger);
  undo.defer(() => tokenUses.close());
  const registry = await UserRegistry.load(store, consoleLogger.warn);
  const context: UserCommandContext = {
    users: registry,
    passwords: new PasswordChecker(() => registry.directory),
    passwordMinLength,
    instances: await storedInstances(stores),
    tokenUses,
    actor: MACHINE_ACTOR,
    askSecret,
    repeat,
    width: process.stdout.isTTY ? process.stdout.columns : undefined,
  };
  const result = await withHints(() => repeatable(repeat, () => command.run(args, context)));
  for (const line of printable(result, isJson)) process.stdout.write(`${visibleText(line)}\n`);
}

/** The configured registries; none if their configuration is invalid, which must not lock out the last administrator. */
async function storedInstances(stores: StoreManager): Promise<UserCommandContext["instances"]> {
  try {
    const registries = await readStoredInstances(stores);
    return { list: () => registries };
  } catch (error) {
    consoleLogger.warn(`the registries can't be read: ${messageOf(error)}`);
    return { list: () => [] };
  }
}

function choose(words: readonly string[]) {
  try {
    if (words.length > 0) return chooseCommand(COMMANDS, words);
  } catch (error) {
    if (!(error instanceof ConsoleError)) throw error;
    throw new UsageError(error.message.replaceAll("/users", "everlock users"));
  }
  throw new UsageError(USAGE);
}
