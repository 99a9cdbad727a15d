import { type Command, type CommandContext, usageOf } from "./commands/command.ts";
import { alignColumns, alignPairs, rowsOf } from "./commands/table.ts";

type Reader = Pick<CommandContext, "actor" | "width" | "height">;

/** Rows of a terminal that the help leaves to the command above it and the prompt below it. */
const OTHER_ROWS = 2;
const MORE = "'/help <scope>' and '/help <scope> <verb>' tell more, with examples";

/** All commands that the user may run: each with what it does, or by family if the terminal has no room for that. */
export function helpOnAll(commands: readonly Command[], reader: Reader): readonly string[] {
  const allowed = allowedTo(reader, commands);
  return firstFitting(reader, [
    () => [...describe(allowed, reader), "", MORE],
    () => [...families(allowed, reader), "", MORE],
    () => [...shortFamilies(allowed, reader), "", MORE],
    () => [[...new Set(allowed.map(({ scope }) => `/${scope}`))].join(", "), "", MORE],
  ]);
}

/** The commands of one family, or a word about who may run them. */
export function helpOnScope(commands: readonly Command[], reader: Reader): readonly string[] {
  const allowed = allowedTo(reader, commands);
  const [first] = commands;
  if (allowed.length === 0)
    return [`the commands of /${first?.scope} require a system administrator (owner on */*/*)`];
  const examples = () => ["", "for example:", ...allowed.map(({ example }) => `  ${example}`)];
  const verbs = (of: (summary: string) => string) =>
    alignColumns(
      allowed.map(({ scope, verb = `/${scope}`, summary }) => [verb, of(summary)]),
      reader,
    );
  const more = `'/help ${first?.scope} <verb>' tells how to write one`;
  return firstFitting(reader, [
    () => [...describe(allowed, reader), ...examples()],
    () => describe(allowed, reader),
    () => [...verbs((summary) => summary), "", more],
    () => [...verbs(inShort), "", more],
    () => [...families(allowed, reader), "", more],
  ]);
}

/** Everything about one command. */
export function helpOnCommand(command: Command, reader: Reader): readonly string[] {
  const { details = [] } = command;
  const lines = typeof details === "function" ? details(reader) : details;
  return [
    usageOf(command),
    command.summary,
    ...(command.adminOnly ? ["it requires a system administrator (owner on */*/*)"] : []),
    ...(command.isChange === true ? ["the server logs who ran it"] : []),
    ...(command.repeats ?? []).map(({ flag, meaning }) => `with ${flag}, ${meaning}`),
    ...(lines.length > 0 ? ["", ...lines] : []),
    "",
    "for example:",
    `  ${command.example}`,
  ];
}

/** The first text that the terminal has rows for, or the last one; without a terminal, the first. */
function firstFitting(
  { width, height }: Reader,
  texts: readonly (() => readonly string[])[],
): readonly string[] {
  let lines: readonly string[] = [];
  for (const text of texts) {
    lines = text();
    if (height === undefined || rowsOf(lines, { width }) <= height - OTHER_ROWS) break;
  }
  return lines;
}

function allowedTo({ actor }: Reader, commands: readonly Command[]): readonly Command[] {
  const isAdministrator = actor.isAdministrator();
  return commands.filter(({ adminOnly }) => isAdministrator || !adminOnly);
}

/** The first clause of a summary, with an ellipsis for the rest. */
function inShort(summary: string): string {
  const clause = summary.match(/^[^,;:(]*/)?.[0].trimEnd() ?? "";
  return clause === summary ? summary : `${clause} …`;
}

function describe(commands: readonly Command[], reader: Reader): string[] {
  return alignPairs(
    commands.map((command) => [usageOf(command), command.summary]),
    reader,
  );
}

/** A line for each family that has verbs, and the names of the others together. */
function shortFamilies(commands: readonly Command[], reader: Reader): string[] {
  const names = commands.flatMap(({ scope, verb }) => (verb === undefined ? `/${scope}` : []));
  const withVerbs = commands.filter(({ verb }) => verb !== undefined);
  return [...families(withVerbs, reader), ...alignColumns([[names.join(", ")]], reader)];
}

/** A line for each family, with its verbs. Of commands that do the same, such as `/quit` and `/exit`, one is enough. */
function families(commands: readonly Command[], reader: Reader): string[] {
  const isRepeated = ({ verb, summary }: Command, at: number) =>
    verb === undefined && commands.findIndex((other) => other.summary === summary) < at;
  const distinct = commands.filter((command, at) => !isRepeated(command, at));
  const rows = [...Map.groupBy(distinct, ({ scope }) => scope)].map(([scope, family]) => {
    const verbs = family.flatMap(({ verb }) => verb ?? []);
    return [`/${scope}`, verbs.length > 0 ? verbs.join(", ") : inShort(family[0]?.summary ?? "")];
  });
  return alignColumns(rows, reader);
}
