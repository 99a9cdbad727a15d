import type { Suggestion } from "../../primitives/terminal/displayed-line.ts";
import { splitWords, type Word } from "./command-line.ts";
import { COMMANDS, scopeWithoutSlash } from "./command-table.ts";
import type { Command } from "./commands/command.ts";
import type { KnownNames } from "./commands/known-names.ts";
import { JSON_FLAG } from "./json-lines.ts";

/** Completes the end of `line` with what the user may run and see. */
export async function completeLine(line: string, names: KnownNames): Promise<Suggestion> {
  let words: Word[];
  try {
    words = splitWords(line);
  } catch {
    return { start: line.length, candidates: [] };
  }
  const last = /\s$/.test(line) || line === "" ? undefined : words.pop();
  const { text, start } = last ?? { text: "", start: line.length };
  const before = words.map((word) => word.text);
  const possible = await candidatesAfter(before, text, names);
  const candidates = new Set(possible.filter((candidate) => candidate.startsWith(text)));
  return { start, candidates: [...candidates] };
}

async function candidatesAfter(
  [first, ...rest]: readonly string[],
  text: string,
  names: KnownNames,
): Promise<readonly string[]> {
  const allowed = COMMANDS.filter(({ adminOnly }) => names.isAdministrator || !adminOnly);
  if (first === undefined) return [...new Set(allowed.map(({ scope }) => `/${scope}`))];
  const scope = scopeWithoutSlash(first) ?? first.slice(1);
  const commands = allowed.filter((command) => command.scope === scope);
  const plain = commands.find((command) => command.verb === undefined);
  if (!plain && rest.length === 0) return commands.flatMap((command) => command.verb ?? []);
  const command = plain ?? commands.find((candidate) => candidate.verb === rest[0]);
  const args = plain ? rest : rest.slice(1);
  const parameter = command && parameterAt(command, args.length);
  const candidates = (await parameter?.candidates?.(names, { text, before: args })) ?? [];
  return text.startsWith("-") ? [...candidates, ...flagsOf(command)] : candidates;
}

function flagsOf(command: Command | undefined): readonly string[] {
  const names = command?.parameters.map(({ name }) => name) ?? [];
  const repeats = command?.repeats?.map(({ flag }) => flag) ?? [];
  return [...names.filter((name) => /^--[\w-]+$/.test(name)), ...repeats, JSON_FLAG];
}

function parameterAt({ parameters }: Command, position: number) {
  const last = parameters.at(-1);
  return parameters[position] ?? (last?.repeated ? last : undefined);
}
