import { describe, expect, test } from "bun:test";
import { CommandLineError, splitWords } from "../../../src/backends/admin-ssh/command-line.ts";

describe("splitting a line into words", () => {
  test.each([
    ["/users list", ["/users", "list"]],
    ["  /users \t list  ", ["/users", "list"]],
    [`/users add alice "two words"`, ["/users", "add", "alice", "two words"]],
    [`/users add alice 'it "is"'`, ["/users", "add", "alice", 'it "is"']],
    [`/users add alice "it's"`, ["/users", "add", "alice", "it's"]],
    [`a"b c"d`, ["ab cd"]],
    [`back\\ slash`, ["back slash"]],
    [`'no \\ escape'`, ["no \\ escape"]],
    [`"an \\" escape"`, ['an " escape']],
    [`""`, [""]],
    ["", []],
  ])("%p", (line, words) => {
    expect(splitWords(line).map((word) => word.text)).toEqual(words);
  });

  test("knows where each word begins", () => {
    expect(splitWords(` a "b c" d`).map((word) => word.start)).toEqual([1, 3, 9]);
  });

  test.each([`/users add "alice`, `it's`, "ends in \\"])("refuses %p", (line) => {
    expect(() => splitWords(line)).toThrow(CommandLineError);
  });
});
