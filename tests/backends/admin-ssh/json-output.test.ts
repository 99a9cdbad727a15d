import { expect, test } from "bun:test";
import { jsonLine } from "../../../src/backends/admin-ssh/json-lines.ts";
import { consoleCommands, nameOf } from "../../support/console-commands.ts";
import { openTestConsole, type TestConsole } from "../../support/test-console.ts";

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl alice@laptop";

/** A line for each command, in an order in which all but the last ones succeed. */
const LINES = [
  "/users add alice s3cret-1",
  "/users passwd alice s3cret-2",
  "/users grant alice http/oci/default writer",
  "/users grants alice",
  "/users rename-display alice Alice",
  "/users disable alice",
  "/users enable alice",
  `/users key add alice ${KEY}`,
  "/users key list alice",
  "/users token add alice name=ci expires=90d path=http/oci/default role=reader",
  "/users token list alice",
  "/users list",
  "/groups add developers",
  "/groups assign developers alice",
  "/groups grant developers http/oci/default reader",
  "/groups list",
  "/access check alice http/oci/default",
  "/groups revoke developers http/oci/default",
  "/groups unassign developers alice",
  "/groups delete developers",
  "/users revoke alice http/oci/default",
  "/users delete alice",
  "/oci create team vhost=team.test quota=1GiB retention=30d immutable=v*",
  "/oci set team vhost=also.test",
  "/oci unset team vhost=also.test",
  "/oci list",
  "/oci ls team",
  "/oci stat team",
  "/oci usage team",
  "/oci log team",
  "/oci delete team --yes",
  "/jobs run gc",
  "/jobs list",
  "/config reload",
  "/backends list",
  "/backends disable oci-http",
  "/backends enable oci-http",
  "/status",
  "/nodes",
  "/apply",
  "/export",
];

/** Commands that need pushed content; here they are refused. */
const REFUSED = [
  "/oci show default 0123456789",
  "/oci diff default 0123456789",
  "/oci restore default app 0123456789",
  "/oci undo default 0123456789",
  "/oci rm default app --yes",
  "/oci tag default app:v1 app:v2",
  "/oci copy default app new",
  "/oci rename default app new",
  "/oci credential default alice",
  "/oci promote default",
  "/oci resync default",
  "/jobs cancel gc",
];

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

/** Runs a line with `--json`, and parses what it wrote to standard output and standard error. */
async function json(console: TestConsole, line: string) {
  const { code, stdout, stderr } = await console.run(`${line} --json`);
  const parse = (text: string) =>
    text
      .split("\n")
      .filter((part) => part !== "")
      .map((part): unknown => JSON.parse(part));
  return { code, records: parse(stdout), errors: parse(stderr) };
}

/** Every text in `value` that looks like a time. */
function timesIn(value: unknown): string[] {
  if (typeof value === "string") return /^\d{4}-\d\d-\d\d[T ]\d/.test(value) ? [value] : [];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap(timesIn);
}

test("every command prints JSON Lines with --json, with times in RFC 3339", async () => {
  const console = await openTestConsole();
  const times: string[] = [];
  for (const line of LINES) {
    const { code, records, errors } = await json(console, line);
    expect([line, code, errors]).toEqual([line, 0, []]);
    for (const record of records) expect([line, record]).toEqual([line, expect.any(Object)]);
    times.push(...timesIn(records));
  }
  expect(times.length).toBeGreaterThan(0);
  expect(times.filter((time) => !TIME.test(time))).toEqual([]);
  const tried = new Set([...LINES, ...REFUSED].map((line) => line.split(" ").slice(0, 2).join(" ")));
  const names = (await consoleCommands()).map(nameOf);
  expect(names.filter((name) => !tried.has(name))).toEqual([]);
});

test("every command that changes something prints a record of what was done", async () => {
  const console = await openTestConsole();
  const changing = (await consoleCommands()).filter(({ isChange }) => isChange === true).map(nameOf);
  for (const line of LINES) {
    const { records } = await json(console, line);
    const name = line.split(" ").slice(0, 2).join(" ");
    if (!changing.includes(name) || name === "/jobs run") continue;
    expect([line, records[0]]).toEqual([
      line,
      expect.objectContaining({ message: expect.any(String), changed: expect.any(Boolean) }),
    ]);
  }
});

test("a refusal is JSON on standard error, with its kind and a hint", async () => {
  const console = await openTestConsole();
  for (const line of REFUSED)
    expect([line, (await json(console, line)).errors]).toEqual([
      line,
      [{ error: expect.objectContaining({ kind: expect.any(String), message: expect.any(String) }) }],
    ]);
  expect(await json(console, "/users add admin s3cret-1")).toEqual({
    code: 3,
    records: [],
    errors: [{ error: { kind: "unchanged", message: "user 'admin' exists already" } }],
  });
  expect((await json(console, "/users add default s3cret-1")).errors).toMatchObject([
    { error: { kind: "invalid", hint: "add --yes to confirm" } },
  ]);
  expect((await json(console, "/nothing")).errors).toMatchObject([{ error: { kind: "usage" } }]);
  expect((await json(console, "/users 'add")).errors).toMatchObject([{ error: { kind: "usage" } }]);
});

test("sizes are numbers of bytes", async () => {
  const console = await openTestConsole();
  await console.run("/oci set default quota=1GiB");
  expect((await json(console, "/oci list")).records).toMatchObject([{ name: "default", quota: 1024 ** 3 }]);
  expect((await json(console, "/oci stat default")).records[0]).toMatchObject({ storedBytes: 0 });
});

test("times inside of records are in UTC and whole seconds", () => {
  const time = new Date("2026-11-28T01:30:00.999+01:00");
  expect(jsonLine({ time, list: [{ time }], none: undefined })).toBe(
    '{"time":"2026-11-28T00:30:00Z","list":[{"time":"2026-11-28T00:30:00Z"}]}',
  );
});
