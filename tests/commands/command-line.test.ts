import { describe, expect, test } from "bun:test";
import { binary } from "../support/binary.ts";
import { run } from "../support/tools.ts";

const everlock = (...args: string[]) => run([binary(), ...args]);

describe("the command line", () => {
  test.each([["version"], ["--version"], ["-v"], ["-V"]])("prints the version with %p", async (arg) => {
    const { code, stdout } = await everlock(arg);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^everlock \d+\.\d+\.\d+ \(commit ([0-9a-f]{12}|unknown), Bun 1\.\d+\.\d+\)\n$/);
  });

  test.each([["help"], ["--help"], ["-h"]])("lists the commands with %p", async (arg) => {
    const { code, stdout } = await everlock(arg);
    expect(code).toBe(0);
    expect(stdout).toContain("check-config");
  });

  test.each([
    [["help", "serve"]],
    [["serve", "--help"]],
    [["serve", "-h"]],
    [["serve", "--data-dir", "x", "--help"]],
  ])("explains one command with %p", async (args) => {
    const { code, stdout } = await everlock(...args);
    expect(code).toBe(0);
    expect(stdout).toContain("--frontend-http-listen-http");
  });

  test("without arguments lists the commands and fails", async () => {
    const { code, stdout } = await everlock();
    expect(code).toBe(2);
    expect(stdout).toContain("restore-backup");
  });

  test("prints help without colours and trailing spaces into a pipe", async () => {
    for (const args of [["--help"], ["serve", "--help"]]) {
      const { stdout } = await run([binary(), ...args], { env: { CI: "", TEST: "", TERM: "xterm" } });
      expect(stdout).not.toMatch(/\u001b|[ \t]$/m);
    }
  });

  test.each([
    ["sevre", "; did you mean 'serve'?"],
    ["--verison", "; it is one of serve, "],
    ["constructor", "; it is one of serve, "],
    ["push", "; it is one of serve, "],
  ])("refuses the unknown command %p with a hint", async (name, hint) => {
    for (const args of [[name], [name, "--help"], ["help", name]]) {
      const { code, stderr } = await everlock(...args);
      expect(code).toBe(2);
      expect(stderr).toStartWith(`everlock: unknown command '${name}'${hint}`);
    }
  });
});
