import { type CommandDef, defineCommand, runCommand } from "citty";
import { isJsonLine, jsonError } from "./backends/admin-ssh/json-lines.ts";
import { backup } from "./commands/backup.ts";
import { checkConfig } from "./commands/check-config.ts";
import { commandHelp } from "./commands/command-help.ts";
import { completion } from "./commands/completion.ts";
import { console } from "./commands/console.ts";
import { exportCommand } from "./commands/export.ts";
import { fsck } from "./commands/fsck.ts";
import { gc } from "./commands/gc.ts";
import { health } from "./commands/health.ts";
import { importCommand } from "./commands/import.ts";
import { passwd } from "./commands/passwd.ts";
import { restoreBackup } from "./commands/restore-backup.ts";
import { serve } from "./commands/serve.ts";
import { storage } from "./commands/storage.ts";
import { users } from "./commands/users.ts";
import { version } from "./commands/version.ts";
import { EXIT } from "./primitives/errors/exit-code.ts";
import { commandFailureOf, failureOf } from "./primitives/errors/failure.ts";
import { didYouMean } from "./primitives/text/nearest.ts";
import { visibleText } from "./primitives/text/visible-text.ts";

const subCommands: Readonly<Record<string, CommandDef>> = {
  serve,
  "check-config": checkConfig,
  gc,
  fsck,
  health,
  passwd,
  users,
  console,
  backup,
  "restore-backup": restoreBackup,
  export: exportCommand,
  import: importCommand,
  storage,
  completion: completion(() => subCommands),
  version,
};

const main = defineCommand({
  meta: { name: "everlock", description: "An OCI container registry where every change is a commit" },
  subCommands: { ...subCommands },
});

const HELP_FLAGS: readonly string[] = ["--help", "-h"];
const VERSION_FLAGS: readonly string[] = ["--version", "-v", "-V"];

/** Runs the command line and returns the exit code; every expected failure is one line on standard error. */
async function run(args: readonly string[]): Promise<number> {
  const [first = "", ...rest] = args;
  if (first === "help") return run([...rest.slice(0, 1), "--help"]);
  const name = VERSION_FLAGS.includes(first) ? "version" : first;
  const command = Object.hasOwn(subCommands, name) ? subCommands[name] : undefined;
  const isHelp = args.some((arg) => HELP_FLAGS.includes(arg));
  if (command ? isHelp : args.length === 0 || HELP_FLAGS.includes(name)) {
    process.stdout.write(await commandHelp(command ?? main, command && main));
    return args.length === 0 ? EXIT.wrongCommandLine : EXIT.done;
  }
  if (!command) {
    const names = Object.keys(subCommands);
    const hint = didYouMean(name, names) || `; it is one of ${names.join(", ")}`;
    process.stderr.write(`everlock: unknown command '${visibleText(name)}'${hint}\n`);
    return EXIT.wrongCommandLine;
  }
  try {
    await runCommand(command, { rawArgs: rest });
    return EXIT.done;
  } catch (error) {
    const { text, exitCode } = commandFailureOf(error);
    if (rest.some(isJsonLine)) process.stderr.write(`${visibleText(jsonError(failureOf(error)))}\n`);
    else process.stderr.write(`everlock: ${text.split("\n").map(visibleText).join("\n")}\n`);
    return exitCode;
  }
}

// Whoever reads the output may stop, as 'head' does; a server goes on.
process.stdout.on("error", () => undefined);
process.exit(await run(process.argv.slice(2)));
