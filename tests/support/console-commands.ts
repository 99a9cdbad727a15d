import { Glob } from "bun";
import type { Command } from "../../src/backends/admin-ssh/commands/command.ts";

const FOLDER = `${import.meta.dir}/../../src/backends/admin-ssh/commands`;

/** Every command of the console but `/help` and `/quit`. */
export async function consoleCommands(): Promise<readonly Command[]> {
  const lists: Command[][] = [];
  for await (const path of new Glob("*.ts").scan(FOLDER)) {
    const exported: Record<string, unknown> = await import(`${FOLDER}/${path}`);
    for (const [name, value] of Object.entries(exported))
      if (name.endsWith("_COMMANDS")) lists.push(value as Command[]);
  }
  return lists.flat();
}

/** `/users add`, or `/status` of a command without a verb. */
export function nameOf({ scope, verb }: Pick<Command, "scope" | "verb">): string {
  return verb === undefined ? `/${scope}` : `/${scope} ${verb}`;
}
