import { describe, expect, test } from "bun:test";
import { Glob } from "bun";
import type { Command } from "../../src/backends/admin-ssh/commands/command.ts";
import { ROOT } from "./repository-documents.ts";

const COMMANDS = `${ROOT}/src/backends/admin-ssh/commands`;

/** Of every list of commands that the console has. */
async function consoleCommands(): Promise<readonly Command[]> {
  const lists: Command[][] = [];
  for await (const path of new Glob("*.ts").scan(COMMANDS)) {
    const exported: Record<string, unknown> = await import(`${COMMANDS}/${path}`);
    for (const [name, value] of Object.entries(exported))
      if (name.endsWith("_COMMANDS")) lists.push(value as Command[]);
  }
  return lists.flat();
}

describe("the documents", () => {
  test("have every command of the console in the table of commands", async () => {
    const text = await Bun.file(`${ROOT}/docs/console.md`).text();
    const [, section = ""] = text.match(/^## All commands\n(.*?)^## /ms) ?? [];
    const named = (await consoleCommands()).map(({ scope, verb }) =>
      verb ? `/${scope} ${verb}` : `/${scope}`,
    );
    expect(named.length).toBeGreaterThan(30);
    expect(named.filter((command) => !section.includes(`\`${command}`))).toEqual([]);
  });

  test("have every metric of the server in a table, and no other", async () => {
    const names = (text: string, pattern: RegExp) =>
      [...new Set([...text.matchAll(pattern)].map(([, name = ""]) => name))].toSorted();
    const files = [...new Bun.Glob("*.ts").scanSync(`${ROOT}/src/frontends/ops`)];
    const texts = await Promise.all(
      files.map((file) => Bun.file(`${ROOT}/src/frontends/ops/${file}`).text()),
    );
    const source = texts.join("\n");
    const known = names(source, /"((?:everlock|process)_[a-z_]+)"/g);
    expect(known.length).toBeGreaterThan(20);
    expect(names(await Bun.file(`${ROOT}/docs/operate.md`).text(), /^\| `([a-z_]+)`/gm)).toEqual(known);
  });
});
