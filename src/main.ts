import { type CommandDef, defineCommand, renderUsage, runCommand } from "citty";
import { backup } from "./commands/backup.ts";
import { completion } from "./commands/completion.ts";
import { fsck } from "./commands/fsck.ts";
import { gc } from "./commands/gc.ts";
import { health } from "./commands/health.ts";
import { passwd } from "./commands/passwd.ts";
import { restoreBackup } from "./commands/restore-backup.ts";
import { serve } from "./commands/serve.ts";
import { users } from "./commands/users.ts";
import { version } from "./commands/version.ts";
import { EXIT } from "./primitives/errors/exit-code.ts";
import { commandFailureOf } from "./primitives/errors/failure.ts";
import { visibleText } from "./primitives/text/visible-text.ts";

const subCommands: Readonly<Record<string, CommandDef>> = {
  serve,
  gc,
  fsck,
  health,
  passwd,
  users,
  backup,
  "restore-backup": restoreBackup,
  completion: completion(() => subCommands),
  version,
};

const main = defineCommand({
  meta: { name: "everlock", description: "An OCI container registry where every change is a commit" },
  subCommands: { ...subCommands },
});

/** Runs the command line and returns the exit code; every expected failure is one line on standard error. */
async function run(args: readonly string[]): Promise<number> {
  const [name = "", ...rest] = args;
  const command = subCommands[name];
  if (args.length === 0 || args.includes("--help") || args.includes("-h")) {
    process.stdout.write(`${await renderUsage(command ?? main, command && main)}\n`);
    return args.length === 0 ? EXIT.wrongCommandLine : EXIT.done;
  }
  if (!command) {
    process.stderr.write(
      `everlock: unknown command '${visibleText(name)}'; it is one of ${Object.keys(subCommands).join(", ")}\n`,
    );
    return EXIT.wrongCommandLine;
  }
  try {
    await runCommand(command, { rawArgs: rest });
    return EXIT.done;
  } catch (error) {
    const { text, exitCode } = commandFailureOf(error);
    process.stderr.write(`everlock: ${text.split("\n").map(visibleText).join("\n")}\n`);
    return exitCode;
  }
}

process.exit(await run(process.argv.slice(2)));
