import { accessSync, constants } from "node:fs";
import { type ArgsDef, defineCommand } from "citty";
import { quoteWord } from "../backends/admin-ssh/command-line.ts";
import { UsageError } from "../config/settings.ts";
import { ExpectedError } from "../primitives/expected-error.ts";
import { CommandError } from "./command-error.ts";
import { DATA_DIRECTORY_ARGS, existingDataDirectory, splitFlags } from "./data-directory-args.ts";
import { runOnServer } from "./server-line.ts";

const ARGS: ArgsDef = {
  command: { type: "positional", required: false, description: "a command such as /oci list" },
  json: { type: "boolean", description: "print JSON Lines" },
  ...DATA_DIRECTORY_ARGS,
};

const USAGE =
  "use: everlock console <command> [--json] [--data-dir <dir>], such as: everlock console /oci list";

export const console = defineCommand({
  meta: {
    name: "console",
    description: "Run a command of the admin console on the running server of this machine, without a login",
  },
  args: ARGS,
  async run({ rawArgs }) {
    const { words, flags } = splitFlags(rawArgs);
    if (words.length === 0) throw new UsageError(USAGE);
    const dataDir = existingDataDirectory(flags, USAGE);
    if (await runOnServer(dataDir, lineOf(words))) return;
    requireEntry(dataDir);
    throw new CommandError(
      `no server uses the data directory ${dataDir}; without one, 'everlock users' runs the /users commands`,
    );
  },
});

/** To other users of the machine it would seem that no server runs. */
function requireEntry(dataDir: string): void {
  try {
    accessSync(dataDir, constants.X_OK);
  } catch (error) {
    const message = `only root and the owner of the data directory ${dataDir} may use it`;
    throw new ExpectedError(message, { kind: "refused", cause: error });
  }
}

/** A first word with blanks is a line, as in `everlock console '/oci list' --json`: no command has them in its name. */
function lineOf([first = "", ...others]: readonly string[]): string {
  return [/\s/.test(first) ? first : quoteWord(first), ...others.map(quoteWord)].join(" ");
}
