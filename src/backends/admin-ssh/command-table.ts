import { IncompleteJobError } from "../../primitives/jobs/job-runner.ts";
import { meantHint, nearest } from "../../primitives/text/nearest.ts";
import { requireAdministrator } from "../actor.ts";
import { type ChosenCommand, chooseCommand, commandOf, printable } from "./choose-command.ts";
import { splitWords } from "./command-line.ts";
import { ACCESS_COMMANDS } from "./commands/access.ts";
import { APPLY_COMMANDS } from "./commands/apply.ts";
import { BACKEND_COMMANDS } from "./commands/backends.ts";
import { type Command, type CommandContext, usageOf } from "./commands/command.ts";
import { CONFIG_COMMANDS } from "./commands/config.ts";
import { ConsoleError } from "./commands/console-error.ts";
import { CREDENTIAL_COMMANDS } from "./commands/credentials.ts";
import { GROUP_COMMANDS } from "./commands/groups.ts";
import { JOB_COMMANDS } from "./commands/jobs.ts";
import { NODE_COMMANDS } from "./commands/nodes.ts";
import { OCI_COMMANDS } from "./commands/oci.ts";
import { OCI_CONTENT_COMMANDS } from "./commands/oci-content.ts";
import { OCI_COPY_COMMANDS } from "./commands/oci-copy.ts";
import { UPSTREAM_COMMANDS } from "./commands/oci-credential.ts";
import { OCI_HISTORY_COMMANDS } from "./commands/oci-history.ts";
import { OCI_LIST_COMMANDS } from "./commands/oci-list.ts";
import { OCI_REPLICA_COMMANDS } from "./commands/oci-replica.ts";
import { OCI_RESTORE_COMMANDS } from "./commands/oci-restore.ts";
import { OCI_UNDO_COMMANDS } from "./commands/oci-undo.ts";
import { OCI_USAGE_COMMANDS } from "./commands/oci-usage.ts";
import { withHints } from "./commands/refusal-hints.ts";
import { repeatable } from "./commands/repeat.ts";
import { STATUS_COMMANDS } from "./commands/status.ts";
import { USER_COMMANDS } from "./commands/users.ts";
import { helpOnAll, helpOnCommand, helpOnScope } from "./help.ts";
import { JSON_FLAG } from "./json-lines.ts";

const GENERAL_COMMANDS: readonly Command[] = [
  {
    scope: "help",
    parameters: [
      { name: "scope", optional: true, candidates: () => SCOPES },
      { name: "verb", optional: true, candidates: (_names, { before: [scope = ""] }) => verbsOf(scope) },
    ],
    summary:
      "list all commands, or those of a scope, or explain one; --json with any command prints JSON Lines",
    example: "/help users add",
    adminOnly: false,
    run([scope, verb], context) {
      if (scope === undefined) return helpOnAll(COMMANDS, context);
      const commands = commandsOf(scope.replace(/^\//, ""));
      const [first] = commands;
      if (verb === undefined)
        return first?.verb === undefined && first
          ? helpOnCommand(first, context)
          : helpOnScope(commands, context);
      return helpOnCommand(commandOf(commands, verb), context);
    },
  },
  ...["quit", "exit"].map(
    (scope): Command => ({
      scope,
      parameters: [],
      summary: "leave the console",
      example: `/${scope}`,
      adminOnly: false,
      run: () => [],
    }),
  ),
];

export const COMMANDS: readonly Command[] = [
  ...GENERAL_COMMANDS,
  ...USER_COMMANDS,
  ...CREDENTIAL_COMMANDS,
  ...GROUP_COMMANDS,
  ...ACCESS_COMMANDS,
  ...OCI_COMMANDS,
  ...OCI_LIST_COMMANDS,
  ...OCI_USAGE_COMMANDS,
  ...UPSTREAM_COMMANDS,
  ...OCI_HISTORY_COMMANDS,
  ...OCI_RESTORE_COMMANDS,
  ...OCI_UNDO_COMMANDS,
  ...OCI_CONTENT_COMMANDS,
  ...OCI_COPY_COMMANDS,
  ...OCI_REPLICA_COMMANDS,
  ...JOB_COMMANDS,
  ...CONFIG_COMMANDS,
  ...BACKEND_COMMANDS,
  ...STATUS_COMMANDS,
  ...NODE_COMMANDS,
  ...APPLY_COMMANDS,
];

const SCOPES: readonly string[] = [...new Set(COMMANDS.map((command) => command.scope))];

/** What people type to leave, or when they are lost. */
const WITHOUT_SLASH: ReadonlyMap<string, string> = new Map([
  ...["help", "quit", "exit"].map((scope) => [scope, scope] as const),
  ...["?", "/?"].map((word) => [word, "help"] as const),
]);

function verbsOf(scope: string): readonly string[] {
  return COMMANDS.flatMap((command) => (command.scope === scope ? (command.verb ?? []) : []));
}

/** What the log shows in place of a secret. */
const HIDDEN = "***";

/** A parsed line: a command with its arguments, the end of the session, or nothing. */
export type ParsedLine =
  | { readonly kind: "empty" | "quit" }
  | ({
      readonly kind: "command";
      /** Whether to print JSON Lines. */
      readonly isJson: boolean;
    } & ChosenCommand<CommandContext>);

/** Throws `ConsoleError` or `CommandLineError`. */
export function parseLine(line: string): ParsedLine {
  const [first, ...words] = splitWords(line).map((word) => word.text);
  const rest = words.filter((word) => word !== JSON_FLAG);
  const isJson = rest.length < words.length;
  if (first === undefined || first.startsWith("#")) return { kind: "empty" };
  const scope = scopeOf(first);
  const commands = commandsOf(scope);
  const isPlain = commands.some((command) => command.verb === undefined);
  if (!isPlain && rest.length === 0)
    return { kind: "command", command: scopeHelp(scope), args: [], repeat: undefined, isJson };
  if (scope === "quit" || scope === "exit") return { kind: "quit" };
  return { kind: "command", ...chooseCommand(commands, rest), isJson };
}

/** Runs a parsed command and resolves with the lines to print. Rejects with `ExpectedError`; any other error is a bug. */
export async function runCommand(
  { command, args, repeat, isJson }: Extract<ParsedLine, { kind: "command" }>,
  context: Omit<CommandContext, "repeat">,
): Promise<readonly string[]> {
  // The operation checks this too; here the check comes before errors about words or a missing password.
  if (command.adminOnly) requireAdministrator(context.actor, usageOf(command));
  const print = (lines: readonly string[]) => context.print(printable(lines, isJson));
  try {
    return printable(
      await withHints(() => repeatable(repeat, () => command.run(args, { ...context, repeat, print }))),
      isJson,
    );
  } catch (error) {
    if (error instanceof IncompleteJobError) await print(error.lines);
    throw error;
  }
}

/** A command as the log may show it. */
export interface AuditedCommand {
  readonly text: string;
  /** A text about the command, such as a refusal, without the secrets in it. */
  withoutSecrets(text: string): string;
}

/** The command for the log, without passwords; `undefined` if it changes nothing. */
export function auditedCommand(
  parsed: ParsedLine,
  isLogin: (word: string) => boolean,
): AuditedCommand | undefined {
  if (parsed.kind !== "command") return undefined;
  const { command, args } = parsed;
  const isChange = typeof command.isChange === "function" ? command.isChange(args) : command.isChange;
  if (!isChange) return undefined;
  const isHidden = (arg: string, at: number) =>
    command.parameters[at]?.isSecret || (mayBePassword(command, args) && !isLogin(arg));
  const words = args.map((arg, at) => (isHidden(arg, at) ? HIDDEN : arg));
  const secrets = args.filter((arg, at) => arg !== "" && isHidden(arg, at));
  return {
    text: [`/${command.scope}`, ...(command.verb ? [command.verb] : []), ...words].join(" "),
    withoutSecrets: (text) => secrets.reduce((rest, secret) => rest.replaceAll(secret, HIDDEN), text),
  };
}

/** Whether the only word may be the secret, because the word before it can be left out. */
function mayBePassword({ parameters: [first, second] }: Command, args: readonly string[]): boolean {
  return args.length === 1 && first?.optional === true && second?.isSecret === true;
}

/** The scope of a word such as `quit` or `?`, which needs no slash. */
export function scopeWithoutSlash(word: string): string | undefined {
  return WITHOUT_SLASH.get(word);
}

/** The scope that the first word of a line names. */
function scopeOf(word: string): string {
  const scope = scopeWithoutSlash(word);
  if (scope !== undefined) return scope;
  if (word.startsWith("/")) return word.slice(1);
  throw new ConsoleError(`commands begin with '/': '/${nearest(word, SCOPES) ?? word}'? '/help' lists them`);
}

function commandsOf(scope: string): readonly Command[] {
  const commands = COMMANDS.filter((command) => command.scope === scope);
  if (commands.length > 0) return commands;
  const known = SCOPES.map((name) => `/${name}`);
  const hint = meantHint(`/${scope}`, known) ?? "'/help' lists the commands";
  throw new ConsoleError(`unknown command '/${scope}'`, { hint });
}

/** A bare scope, such as `/oci`, explains itself. */
function scopeHelp(scope: string): Command {
  return {
    scope,
    parameters: [],
    summary: "",
    example: `/${scope}`,
    adminOnly: false,
    run: (_args, context) => helpOnScope(commandsOf(scope), context),
  };
}
