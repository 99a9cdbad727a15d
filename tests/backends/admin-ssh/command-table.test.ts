import { describe, expect, test } from "bun:test";
import { auditedCommand, parseLine, runCommand } from "../../../src/backends/admin-ssh/command-table.ts";
import type { Command, CommandContext } from "../../../src/backends/admin-ssh/commands/command.ts";
import { ConsoleError } from "../../../src/backends/admin-ssh/commands/console-error.ts";
import { failureOf, textOf } from "../../../src/primitives/errors/failure.ts";

/** What the console says about a line that is no command. */
function refusalOf(line: string): string {
  try {
    parseLine(line);
  } catch (error) {
    return textOf(failureOf(error));
  }
  throw new Error(`'${line}' is a command`);
}

describe("a wrong command line", () => {
  test.each([
    ["users list", "commands begin with '/': '/users'? '/help' lists them"],
    ["usr list", "commands begin with '/': '/usr'? '/help' lists them"],
    ["usrs list", "commands begin with '/': '/users'? '/help' lists them"],
    ["/nothing", "unknown command '/nothing'; '/help' lists the commands"],
    ["/uers list", "unknown command '/uers'; did you mean '/users'?"],
    ["/users ad", "unknown command '/users ad'; did you mean '/users add'?"],
    ["/users paswd", "unknown command '/users paswd'; did you mean '/users passwd'?"],
    [
      "/users nothing",
      "unknown command '/users nothing'; /users has the verbs list, add, passwd, grant, revoke, grants",
    ],
    ["/users add", "wrong number of arguments; use: /users add <login> [<password>] [--yes] [--if-missing]"],
    [
      "/users add a b c d",
      "wrong number of arguments; use: /users add <login> [<password>] [--yes] [--if-missing]",
    ],
    [`/users add "alice`, 'a quote " is not closed'],
  ])("%p is answered %p", (line, message) => {
    expect(refusalOf(line)).toStartWith(message);
  });

  test.each(["quit", "exit", "/quit", "/exit"])("%p leaves the console", (line) => {
    expect(parseLine(line).kind).toBe("quit");
  });

  test.each(["help", "?", "/?", "help users", "? users add", "help --json"])(
    "%p is a call for help",
    (line) => {
      expect(parseLine(line)).toMatchObject({ kind: "command", command: { scope: "help" } });
    },
  );

  test.each(["", "   ", "# a comment"])("%p is nothing to do", (line) => {
    expect(parseLine(line).kind).toBe("empty");
  });
});

test("with --json, lines printed before a command ends are JSON Lines too", async () => {
  const command: Command = {
    scope: "oci",
    verb: "ask",
    parameters: [],
    summary: "",
    example: "",
    adminOnly: false,
    async run(_args, { print }) {
      await print(["this would be done"]);
      throw new ConsoleError("there is nobody to ask");
    },
  };
  const printed: string[] = [];
  const context = {
    isAdministrator: false,
    print: async (lines: readonly string[]) => void printed.push(...lines),
  } as unknown as CommandContext;
  for (const isJson of [true, false]) {
    await expect(
      runCommand({ kind: "command", command, args: [], repeat: undefined, isJson }, context),
    ).rejects.toThrow("there is nobody to ask");
  }
  expect(printed).toEqual(['{"message":"this would be done"}', "this would be done"]);
});

test.each([
  ["/users list", undefined],
  ["/users add bob s3cret", "/users add bob ***"],
  ["/users passwd", "/users passwd"],
  ["/users passwd alice", "/users passwd alice"],
  ["/users passwd alice s3cret", "/users passwd alice ***"],
  ["/users passwd s3cret", "/users passwd ***"],
])("the log shows no password, also where it stands in place of the login: %p", (line, text) => {
  const audited = auditedCommand(parseLine(line), (word) => word === "alice");
  expect(audited?.text).toBe(text);
  if (line.includes("s3cret"))
    expect(audited?.withoutSecrets("'s3cret' is not a login")).toBe("'***' is not a login");
});
