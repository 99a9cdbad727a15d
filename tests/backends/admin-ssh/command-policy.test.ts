import { expect, test } from "bun:test";
import { parseLine, runCommand } from "../../../src/backends/admin-ssh/command-table.ts";
import type { CommandContext } from "../../../src/backends/admin-ssh/commands/command.ts";
import { AdministratorOnlyError } from "../../../src/backends/refusals.ts";
import { actorWith } from "../../support/actors.ts";
import { consoleCommands } from "../../support/console-commands.ts";

/** Everything that a command could reach; whoever uses any of it fails. */
function untouchable(): object {
  const fail = () => {
    throw new Error("it was used before the actor was refused");
  };
  return new Proxy(fail, { get: fail, apply: fail });
}

/** The context of a user who owns every registry and administers nothing. */
const CONTEXT = {
  actor: actorWith({ "http/oci/*": "owner" }),
  users: untouchable(),
  instances: untouchable(),
  jobs: untouchable(),
  backends: untouchable(),
  tokenUses: untouchable(),
  server: untouchable(),
  askSecret: untouchable(),
  confirm: untouchable(),
  live: undefined,
} as unknown as CommandContext;

const ADMIN_COMMANDS = (await consoleCommands()).filter(({ adminOnly }) => adminOnly);

test("there are commands for administrators", () => {
  expect(ADMIN_COMMANDS.length).toBeGreaterThan(20);
});

test.each(ADMIN_COMMANDS.map(({ example }) => example))(
  "%p is refused by its operation, before anything is read, and by the console with its usage",
  async (example) => {
    const parsed = parseLine(example);
    if (parsed.kind !== "command") throw new Error("it is no command");
    const { command, args } = parsed;
    await expect((async () => command.run(args, CONTEXT))()).rejects.toEqual(
      new AdministratorOnlyError("this", "alice"),
    );
    await expect(runCommand(parsed, CONTEXT)).rejects.toThrow(
      `/${command.scope}${command.verb ? ` ${command.verb}` : ""}`,
    );
  },
);
