import { nearest } from "../../primitives/text/nearest.ts";
import { type Command, type CommandResult, type Repeat, usageOf } from "./commands/command.ts";
import { ConsoleError } from "./commands/console-error.ts";
import { jsonLine } from "./json-lines.ts";

/** A command with its arguments. */
export interface ChosenCommand<C> {
  readonly command: Command<C>;
  readonly args: readonly string[];
  /** The flag that was given, which is not among the arguments. */
  readonly repeat: Repeat | undefined;
}

/** Finds the command of a scope that `words` name, and its arguments. Throws `ConsoleError`. */
export function chooseCommand<C>(
  commands: readonly Command<C>[],
  words: readonly string[],
): ChosenCommand<C> {
  const plain = commands.find((command) => command.verb === undefined);
  const command = plain ?? commandOf(commands, words[0] ?? "");
  const given = plain ? words : words.slice(1);
  const isOf = ({ action }: Repeat) => action === undefined || action === given[0];
  const repeat = command.repeats?.find((known) => isOf(known) && given.includes(known.flag));
  const args = given.filter((word) => word !== repeat?.flag);
  const required = command.parameters.filter((parameter) => !parameter.optional).length;
  const limit = command.parameters.at(-1)?.repeated ? Number.POSITIVE_INFINITY : command.parameters.length;
  if (args.length < required || args.length > limit) {
    throw new ConsoleError(`wrong number of arguments; use: ${usageOf(command)}`);
  }
  return { command, args, repeat };
}

export function commandOf<C>(commands: readonly Command<C>[], verb: string): Command<C> {
  const command = commands.find((candidate) => candidate.verb === verb);
  if (command) return command;
  const scope = commands[0]?.scope;
  const verbs = commands.flatMap((candidate) => candidate.verb ?? []);
  const meant = nearest(verb, verbs);
  if (meant !== undefined)
    throw new ConsoleError(`unknown command '/${scope} ${verb}'; did you mean '/${scope} ${meant}'?`);
  const known = verbs.length > 0 ? `/${scope} has the verbs ${verbs.join(", ")}` : `/${scope} has no verbs`;
  throw new ConsoleError(`unknown command '/${scope} ${verb}'; ${known}`);
}

/** The lines of a result: text, or JSON Lines for a script. */
export function printable(result: CommandResult, isJson: boolean): readonly string[] {
  if (!isJson) return "lines" in result ? result.lines : result;
  const records = "records" in result ? result.records : result.map((message) => ({ message }));
  return records.map((record) => jsonLine(record));
}
