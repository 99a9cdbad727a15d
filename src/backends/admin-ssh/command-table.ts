import {
  alignColumns,
  type Command,
  type CommandContext,
  ConsoleError,
  type ConsoleServices,
  usageOf,
} from "./command.ts";
import { splitWords, type Word } from "./command-line.ts";
import { ACCESS_COMMANDS } from "./commands/access.ts";
import { CONFIG_COMMANDS } from "./commands/config.ts";
import { CREDENTIAL_COMMANDS } from "./commands/credentials.ts";
import { GROUP_COMMANDS } from "./commands/groups.ts";
import { JOB_COMMANDS } from "./commands/jobs.ts";
import { OCI_COMMANDS } from "./commands/oci.ts";
import { OCI_HISTORY_COMMANDS } from "./commands/oci-history.ts";
import { OCI_LIST_COMMANDS } from "./commands/oci-list.ts";
import { OCI_RESTORE_COMMANDS } from "./commands/oci-restore.ts";
import { USER_COMMANDS } from "./commands/users.ts";

const GENERAL_COMMANDS: readonly Command[] = [
  {
    scope: "help",
    parameters: [{ name: "scope", optional: true, candidates: () => SCOPES }],
    summary: "list the commands, or those of one scope; --json with any gives JSON Lines for scripts",
    example: "/help users",
    adminOnly: false,
    run: ([scope]) => (scope === undefined ? help(COMMANDS) : help(commandsOf(scope.replace(/^\//, "")))),
  },
  { scope: "quit", parameters: [], summary: "leave the console", adminOnly: false, run: () => [] },
  { scope: "exit", parameters: [], summary: "leave the console", adminOnly: false, run: () => [] },
];

const COMMANDS: readonly Command[] = [
  ...GENERAL_COMMANDS,
  ...USER_COMMANDS,
  ...CREDENTIAL_COMMANDS,
  ...GROUP_COMMANDS,
  ...ACCESS_COMMANDS,
  ...OCI_COMMANDS,
  ...OCI_LIST_COMMANDS,
  ...OCI_HISTORY_COMMANDS,
  ...OCI_RESTORE_COMMANDS,
  ...JOB_COMMANDS,
  ...CONFIG_COMMANDS,
];

const SCOPES: readonly string[] = [...new Set(COMMANDS.map((command) => command.scope))];

/** With any command: JSON Lines instead of text. */
const JSON_FLAG = "--json";

/** What a line asks for: a command with its arguments, the end of the session, or nothing. */
export type ParsedLine =
  | { readonly kind: "empty" | "quit" }
  | {
      readonly kind: "command";
      readonly command: Command;
      readonly args: readonly string[];
      /** Whether the answer is for a script: JSON Lines. */
      readonly isJson: boolean;
    };

/** Throws `ConsoleError` or `CommandLineError`. */
export function parseLine(line: string): ParsedLine {
  const [first, ...words] = splitWords(line).map((word) => word.text);
  const rest = words.filter((word) => word !== JSON_FLAG);
  const isJson = rest.length < words.length;
  if (first === undefined || first.startsWith("#")) return { kind: "empty" };
  if (!first.startsWith("/"))
    throw new ConsoleError(`commands begin with '/': '/${first}'? '/help' lists them`);
  const scope = first.slice(1);
  const commands = commandsOf(scope);
  const plain = commands.find((command) => command.verb === undefined);
  const [verb, ...args] = rest;
  if (!plain && verb === undefined) return { kind: "command", command: scopeHelp(scope), args: [], isJson };
  const command = plain ?? commands.find((candidate) => candidate.verb === verb);
  if (!command) {
    const verbs = commands.map((candidate) => candidate.verb).join(", ");
    throw new ConsoleError(`unknown command '/${scope} ${verb}'; /${scope} takes ${verbs}`);
  }
  const given = plain ? rest : args;
  const required = command.parameters.filter((parameter) => !parameter.optional).length;
  const limit = command.parameters.at(-1)?.repeated ? Number.POSITIVE_INFINITY : command.parameters.length;
  if (given.length < required || given.length > limit) {
    throw new ConsoleError(`wrong number of arguments; use: ${usageOf(command)}`);
  }
  if (scope === "quit" || scope === "exit") return { kind: "quit" };
  return { kind: "command", command, args: given, isJson };
}

/**
 * Runs a parsed command for somebody who may run it and answers the lines to print. Throws `ConsoleError` and what the
 * services throw.
 */
export async function runCommand(
  { command, args, isJson }: Extract<ParsedLine, { kind: "command" }>,
  context: CommandContext,
): Promise<readonly string[]> {
  if (command.adminOnly && !context.users.directory.isAdministrator(context.user)) {
    throw new ConsoleError(
      `${usageOf(command)} takes a system administrator (owner on */*/*), which '${context.user}' is not`,
    );
  }
  const result = await command.run(args, context);
  if (!isJson) return "lines" in result ? result.lines : result;
  const records = "records" in result ? result.records : result.map((message) => ({ message }));
  return records.map((record) => JSON.stringify(record));
}

export interface Completion {
  /** Where the word that is being completed begins, in UTF-16 units. */
  readonly start: number;
  readonly candidates: readonly string[];
}

/** What could follow at the end of `line`. */
export function completeLine(line: string, services: ConsoleServices): Completion {
  let words: Word[];
  try {
    words = splitWords(line);
  } catch {
    return { start: line.length, candidates: [] };
  }
  const last = /\s$/.test(line) || line === "" ? { text: "", start: line.length } : words.pop();
  const { text = "", start = line.length } = last ?? {};
  const before = words.map((word) => word.text);
  const possible = candidatesAfter(before, services);
  const all = text.startsWith("-") && before.length > 0 ? [...possible, JSON_FLAG] : possible;
  return { start, candidates: all.filter((candidate) => candidate.startsWith(text)) };
}

function candidatesAfter([first, ...rest]: readonly string[], services: ConsoleServices): readonly string[] {
  if (first === undefined) return SCOPES.map((scope) => `/${scope}`);
  const commands = COMMANDS.filter((command) => `/${command.scope}` === first);
  const plain = commands.find((command) => command.verb === undefined);
  if (!plain && rest.length === 0) return commands.flatMap((command) => command.verb ?? []);
  const command = plain ?? commands.find((candidate) => candidate.verb === rest[0]);
  const position = plain ? rest.length : rest.length - 1;
  const last = command?.parameters.at(-1);
  const parameter = command?.parameters[position] ?? (last?.repeated ? last : undefined);
  return parameter?.candidates?.(services) ?? [];
}

function commandsOf(scope: string): readonly Command[] {
  const commands = COMMANDS.filter((command) => command.scope === scope);
  if (commands.length === 0)
    throw new ConsoleError(`unknown command '/${scope}'; '/help' lists the commands`);
  return commands;
}

/** A bare scope, such as `/oci`, explains itself. */
function scopeHelp(scope: string): Command {
  return { scope, parameters: [], summary: "", adminOnly: false, run: () => help(commandsOf(scope)) };
}

function help(commands: readonly Command[]): string[] {
  const lines = alignColumns(commands.map((command) => [usageOf(command), command.summary]));
  const examples =
    commands.length < COMMANDS.length ? commands.flatMap((command) => command.example ?? []) : [];
  return examples.length > 0
    ? [...lines, "", "for example:", ...examples.map((example) => `  ${example}`)]
    : lines;
}
