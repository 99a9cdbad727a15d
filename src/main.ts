import { type CommandDef, defineCommand, runCommand } from "citty";
import { isJsonLine, jsonError } from "./backends/admin-ssh/json-lines.ts";
import { commandHelp } from "./commands/command-help.ts";
import { EXIT } from "./primitives/errors/exit-code.ts";
import { commandFailureOf, failureOf } from "./primitives/errors/failure.ts";
import { didYouMean } from "./primitives/text/nearest.ts";
import { visibleText } from "./primitives/text/visible-text.ts";

/** Each is loaded when it is run or described: the server needs no memory for the others. */
const subCommands: Readonly<Record<string, () => Promise<CommandDef>>> = {
  serve: () => import("./commands/serve.ts").then(({ serve }) => serve),
  "check-config": () => import("./commands/check-config.ts").then(({ checkConfig }) => checkConfig),
  gc: () => import("./commands/gc.ts").then(({ gc }) => gc),
  fsck: () => import("./commands/fsck.ts").then(({ fsck }) => fsck),
  health: () => import("./commands/health.ts").then(({ health }) => health),
  passwd: () => import("./commands/passwd.ts").then(({ passwd }) => passwd),
  users: () => import("./commands/users.ts").then(({ users }) => users),
  console: () => import("./commands/console.ts").then(({ console }) => console),
  backup: () => import("./commands/backup.ts").then(({ backup }) => backup),
  "restore-backup": () => import("./commands/restore-backup.ts").then(({ restoreBackup }) => restoreBackup),
  export: () => import("./commands/export.ts").then(({ exportCommand }) => exportCommand),
  import: () => import("./commands/import.ts").then(({ importCommand }) => importCommand),
  storage: () => import("./commands/storage.ts").then(({ storage }) => storage),
  completion: () => import("./commands/completion.ts").then(({ completion }) => completion(allCommands)),
  version: () => import("./commands/version.ts").then(({ version }) => version),
};

async function allCommands(): Promise<Readonly<Record<string, CommandDef>>> {
  const loaded = Object.entries(subCommands).map(async ([name, load]) => [name, await load()] as const);
  return Object.fromEntries(await Promise.all(loaded));
}

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
  const command = Object.hasOwn(subCommands, name) ? await subCommands[name]?.() : undefined;
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
