import { describe, expect, test } from "bun:test";
import { parseLine, runCommand } from "../../../src/backends/admin-ssh/command-table.ts";
import type { CommandContext } from "../../../src/backends/admin-ssh/commands/command.ts";
import { actorWith } from "../../support/actors.ts";

const ADMINISTRATOR = actorWith({ "*/*/*": "owner" });
const USER = actorWith({ "http/oci/default": "owner" });

interface Size {
  readonly width?: number;
  readonly height?: number;
}

function help(line: string, actor = ADMINISTRATOR, { width, height }: Size = {}): Promise<readonly string[]> {
  const parsed = parseLine(line);
  if (parsed.kind !== "command") throw new Error(`'${line}' is no command`);
  return runCommand(parsed, { actor, width, height } as unknown as CommandContext);
}

describe("the help", () => {
  test("of an administrator has every command, that of another user only what that user may run", async () => {
    const [all, own] = [await help("/help"), await help("/help", USER)];
    const users = (lines: readonly string[]) => lines.filter((line) => line.startsWith("/users"));
    expect(users(all).join("\n")).toContain("/users add ");
    expect(users(own).join("\n")).toContain("/users list ");
    expect(own.join("\n")).not.toMatch(/\/users (add|delete|disable)|\/oci (create|set|delete)|\/config/);
    expect((await help("/help users", USER)).join("\n")).not.toContain("/users add ");
  });

  test("of a family that a user may not use says so", async () => {
    expect(await help("/config", USER)).toEqual([
      "the commands of /config require a system administrator (owner on */*/*)",
    ]);
  });

  test.each([
    [80, 24],
    [80, 50],
    [80, 200],
    [40, 24],
  ])(
    "fits a terminal of %p columns and %p rows, and groups the commands by family",
    async (width, height) => {
      const lines = await help("/help", ADMINISTRATOR, { width, height });
      expect(lines.length).toBeLessThanOrEqual(height - 2);
      for (const line of lines.slice(0, -1)) expect(Bun.stringWidth(line)).toBeLessThanOrEqual(width - 2);
      const families = lines.flatMap((line) => line.match(/^\/[a-z]+/)?.[0] ?? []);
      expect(lines.at(-1)).toContain("/help <scope>");
      if (height > 24) expect(new Set(families).size).toBeGreaterThan(8);
      const seen = families.filter((name, i) => name !== families[i - 1]);
      expect(seen).toEqual([...new Set(seen)]);
    },
  );

  test("on a terminal of few rows is the names of the families", async () => {
    const lines = await help("/help", USER, { width: 80, height: 8 });
    expect(lines[0]).toStartWith("/help, /quit, /exit, /users, /groups, /access, /oci, ");
    const families = await help("/help", USER, { width: 80, height: 24 });
    for (const family of ["/groups ", "/jobs ", "/backends "])
      expect(families.some((line) => line.startsWith(family))).toBe(true);
  });

  test.each(["/help users", "/help oci", "/help groups"])("%p fits 80 columns and 24 rows", async (line) => {
    const lines = await help(line, ADMINISTRATOR, { width: 80, height: 24 });
    expect(lines.length).toBeLessThanOrEqual(22);
  });

  test("of a command without verbs is everything about it", async () => {
    const lines = await help("/help nodes");
    expect(lines[0]).toBe("/nodes");
    expect(lines.join("\n")).toContain("'behind' is the time");
  });

  test("without a terminal is complete", async () => {
    expect((await help("/help users")).join("\n")).toContain("for example:");
    expect((await help("/help")).find((line) => line.startsWith("/oci log"))).toContain("the newest first");
  });
});
