import { type CommandDef, renderUsage } from "citty";

/** The usage text of a command; in colours only on a terminal that wants them (https://no-color.org). */
export async function commandHelp(command: CommandDef, parent?: CommandDef): Promise<string> {
  const usage = await renderUsage(command, parent);
  const isColoured = process.stdout.isTTY && !process.env["NO_COLOR"];
  const text = isColoured ? usage : Bun.stripANSI(usage);
  const lines = text.split("\n").map((line) => line.trimEnd());
  return `${lines.join("\n")}\n`;
}
