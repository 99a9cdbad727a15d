import { expect, test } from "bun:test";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { ConsoleHistory } from "../../../src/backends/admin-ssh/console-history.ts";
import { ConsoleHistoryFile } from "../../../src/backends/admin-ssh/console-history-file.ts";
import type { UserName } from "../../../src/primitives/users/user.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const [ALICE, BOB] = ["alice" as UserName, "bob" as UserName];

function open(path = `${temporaryDirectory()}/console_history.json`) {
  const logged: string[] = [];
  const log = (message: string) => void logged.push(message);
  return { path, logged, file: new ConsoleHistoryFile(path, { info: log, warn: log, error: log }) };
}

test("what a user typed survives a restart, in a private file, and no other user gets it", async () => {
  const { path, file } = open();
  file.history.add(ALICE, "/oci list");
  file.history.add(ALICE, "/oci list");
  file.history.add(ALICE, "/users list");
  await file.close();
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const { file: again, logged } = open(path);
  expect(again.history.of(ALICE)).toEqual(["/oci list", "/users list"]);
  expect([again.history.of(BOB), logged]).toEqual([[], []]);
  await again.close();
});

test("two sessions of a user add to one history, and what one of them reads does not change under it", () => {
  const history = new ConsoleHistory();
  history.add(ALICE, "/oci list");
  const read = history.of(ALICE);
  history.add(ALICE, "/users list");
  expect(read).toEqual(["/oci list"]);
  expect(history.of(ALICE)).toEqual(["/oci list", "/users list"]);
});

test.each(["nonsense", "[]", "null", '"x"', "\0\0"])(
  "a file of %p is logged and counts as empty",
  async (content) => {
    const { path } = open();
    writeFileSync(path, content);
    const { file, logged } = open(path);
    expect(logged[0]).toStartWith(`${path} can't be read`);
    file.history.add(ALICE, "/oci list");
    await file.close();
    expect(JSON.parse(readFileSync(path, "utf8"))).toEqual({ alice: ["/oci list"] });
  },
);

test("of a file that was edited by hand, what is a history of a user is used", async () => {
  const { path } = open();
  const content = { alice: ["/oci list"], bob: "x", "No User": ["x"], eve: [1], __proto__: ["x"] };
  writeFileSync(path, JSON.stringify(content));
  const { file } = open(path);
  expect(file.history.entries()).toEqual([[ALICE, ["/oci list"]]]);
  await file.close();
});

test("a file that can't be written is logged, and the console goes on", async () => {
  const { file, logged } = open("/proc/nowhere/console_history.json");
  file.history.add(ALICE, "/oci list");
  await file.close();
  expect(logged.join()).toContain("can't be written");
  expect(file.history.of(ALICE)).toEqual(["/oci list"]);
});

test("a history keeps the latest lines, up to a number and a length", () => {
  const history = new ConsoleHistory();
  for (let i = 0; i < 2000; i++) history.add(ALICE, `/oci show default ${i}`);
  expect(history.of(ALICE)).toHaveLength(500);
  expect(history.of(ALICE).at(-1)).toBe("/oci show default 1999");
  for (let i = 0; i < 100; i++) history.add(ALICE, `${i}${"x".repeat(4000)}`);
  expect(history.of(ALICE).join("").length).toBeLessThanOrEqual(32 * 1024);
  history.add(ALICE, "x".repeat(1_000_000));
  expect(history.of(ALICE)).toEqual([]);
});

test("histories are kept of the users who typed last, up to a number", () => {
  const history = new ConsoleHistory();
  history.add(ALICE, "/oci list");
  for (let i = 0; i < 199; i++) history.add(`user${i}` as UserName, "/oci list");
  history.add(ALICE, "/users list");
  for (let i = 0; i < 100; i++) history.add(`other${i}` as UserName, "/oci list");
  expect(history.entries()).toHaveLength(200);
  expect([history.of(ALICE).length, history.of("user0" as UserName).length]).toEqual([2, 0]);
});

test("the history of a user who is gone is removed from the file at once", async () => {
  const { path, file } = open();
  file.history.add(ALICE, "/oci list");
  file.history.add(BOB, "/users list");
  await file.keepOnly((user) => user === ALICE);
  expect(readFileSync(path, "utf8")).toBe('{"alice":["/oci list"]}\n');
  await file.close();
});
