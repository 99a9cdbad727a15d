import { describe, expect, test } from "bun:test";
import { COMMANDS } from "../../../src/backends/admin-ssh/command-table.ts";
import { usageOf } from "../../../src/backends/admin-ssh/commands/command.ts";
import { historyLine } from "../../../src/backends/admin-ssh/history-line.ts";

const kept = (line: string) => historyLine(line, (word) => word === "bob");

describe("the history keeps", () => {
  test.each([
    ["/users add bob s3cret", "/users add bob"],
    ["/users add bob 's3 cret' --yes", "/users add bob --yes"],
    ["/users add --yes bob s3cret", "/users add --yes bob"],
    ["/users --json add bob s3cret", "/users --json add bob"],
    ["/users add bob s3cret s3cret s3cret", "/users add bob"],
    ["/users add bob --s3cret", "/users add bob"],
    ["/users add bob s3cret --if-missing", "/users add bob --if-missing"],
    ["/users passwd bob s3cret", "/users passwd bob"],
    ["/users passwd s3cret", "/users passwd"],
    ["/users passwd s3cret s3cret", "/users passwd"],
  ])("%p without the password", (line, expected) => {
    expect(kept(line)).toBe(expected);
  });

  test.each([
    ["/usrs add bob s3cret", "/usrs add bob"],
    ["/users ad bob s3cret", "/users ad bob"],
    ["/users paswd bob s3cret", "/users paswd bob"],
    ["/users ad eve s3cret", "/users ad"],
    ['/users add bob "s3cret', "/users add bob"],
    ["/users add bob s3cret\\", "/users add bob"],
    ["/account add bob s3cret", "/account"],
    ["help s3cret", "help s3cret"],
  ])("of the mistyped %p what is surely no password", (line, expected) => {
    expect(kept(line)).toBe(expected);
  });

  test.each(["s3cret", "my long s3cret", "users1", "status1", "", "   "])(
    "nothing of %p, which is no command and may be a password",
    (line) => {
      expect(kept(line)).toBeUndefined();
    },
  );

  test.each([
    "/oci log default app:prod limit=3",
    "/oci set default quota=10GiB 'immutable=v*'",
    "/users grant alice http/oci/default writer",
    '/users rename-display alice "Alice Liddell"',
    "/users token add alice name=ci expires=90d",
    "/oci lsit default app",
    "quit",
  ])("%p as it was typed", (line) => {
    expect(kept(line)).toBe(line);
  });

  test("the name of a setting that holds a credential, and not its value", () => {
    expect(kept("/oci set default upstream-password=s3cret quota=1GiB")).toBe(
      "/oci set default upstream-password= quota=1GiB",
    );
  });

  const secrets = COMMANDS.filter(({ parameters }) => parameters.some(({ isSecret }) => isSecret));
  test.each(secrets.map((command) => usageOf(command)))("no value of a secret parameter of %p", (usage) => {
    const command = secrets.find((candidate) => usageOf(candidate) === usage);
    const words = command?.parameters.map(({ isSecret }, i) => (isSecret ? "s3cret" : `word${i}`)) ?? [];
    expect(kept(`/${command?.scope} ${command?.verb ?? ""} ${words.join(" ")}`)).not.toContain("s3cret");
  });
});

test("a line of a megabyte of one word or of many is handled at once", () => {
  const began = performance.now();
  expect(kept(`/users add bob ${"x".repeat(1_000_000)}`)).toBe("/users add bob");
  expect(kept(`/users add bob ${"x ".repeat(500_000)}`)).toBe("/users add bob");
  expect(kept("x ".repeat(500_000))).toBeUndefined();
  expect(performance.now() - began).toBeLessThan(3000);
});
