import { expect, test } from "bun:test";
import { THREAD_ERRORS } from "../../../src/frontends/thread-errors.ts";
import { exitCodeOf } from "../../../src/primitives/errors/exit-code.ts";
import { commandFailureOf, failureOf, reportFailure } from "../../../src/primitives/errors/failure.ts";
import { ExpectedError } from "../../../src/primitives/expected-error.ts";
import { packError, unpackError } from "../../../src/primitives/threads/packed-error.ts";
import { expectedErrors } from "../../support/expected-errors.ts";

function logged() {
  const lines: string[] = [];
  const log = {
    warn: (message: string) => void lines.push(`warn ${message}`),
    error: (message: string, cause: unknown) => void lines.push(`error ${message}: ${cause}`),
  };
  return { lines, log };
}

const SECRET = "/var/lib/everlock/secret";

const errors = await expectedErrors();

test("every class of expected errors is found, and has the name that it has in the source", () => {
  expect(errors.length).toBeGreaterThan(15);
  for (const { className, error } of errors) expect([className, error.name]).toEqual([className, className]);
});

test.each(errors)("$className is told as one line, with the exit code of its kind", ({ error }) => {
  const { kind, words, detail } = failureOf(error);
  expect(["bug", "system"]).not.toContain(kind);
  expect(words).not.toBe("");
  expect(detail).toBe(error.message);
  const { text, exitCode } = commandFailureOf(error);
  expect(text).toContain(error.message);
  expect(text).not.toContain("\n");
  expect(exitCode).toBe(exitCodeOf(error.kind));
});

test.each(errors)("the log never has the stack of $className", ({ error }) => {
  const { lines, log } = logged();
  expect(reportFailure(log, "a command failed", error)).toBe(failureOf(error).words);
  expect(lines.filter((line) => line.startsWith("error"))).toEqual([]);
});

test.each([
  { what: "a plain error", error: new Error(SECRET) },
  { what: "a mistake in the program", error: new TypeError(SECRET) },
  { what: "a text", error: SECRET },
  { what: "an error of the system", error: Object.assign(new Error(SECRET), { code: "EACCES" }) },
  { what: "a wrong call", error: Object.assign(new Error(SECRET), { code: "ERR_INVALID_ARG_TYPE" }) },
  {
    what: "several errors of which one is a bug",
    error: new AggregateError([new ExpectedError("no such tag"), new Error(SECRET)], SECRET),
  },
  { what: "an error with a cause", error: new Error("outer", { cause: new Error(SECRET) }) },
])("$what tells users nothing, and is logged with its cause", ({ error }) => {
  const { lines, log } = logged();
  expect(reportFailure(log, "a command failed", error)).toBe(
    "internal error; the server's log has the cause",
  );
  expect(lines).toEqual([`error a command failed: ${error}`]);
});

test("users learn that the disk is full, and only the log has the path", () => {
  const { lines, log } = logged();
  const error = new Error("wrapped", { cause: Object.assign(new Error(SECRET), { code: "ENOSPC" }) });
  expect(reportFailure(log, "a command failed", error)).toStartWith("there is no room on the disk");
  expect(lines).toEqual(["warn a command failed: wrapped"]);
});

test("a file that is damaged because the disk fails is told as damaged", () => {
  class Damaged extends ExpectedError {
    override readonly kind = "damaged";
  }
  const cause = Object.assign(new Error("EIO"), { code: "EIO" });
  const error = new Damaged("a is damaged", { cause });
  expect(failureOf(error)).toMatchObject({ kind: "damaged", words: "a is damaged", trouble: "failing" });
  expect(commandFailureOf(error).text).toStartWith("the disk fails");
});

test.each([
  ["usage", 2],
  ["invalid", 2],
  ["unchanged", 3],
  ["refused", 4],
  ["not-found", 5],
  ["conflict", 1],
  ["busy", 1],
  ["damaged", 1],
  ["unusable", 1],
  ["incomplete", 1],
] as const)("a failure of the kind %s has the exit code %d", (kind, code) => {
  expect(commandFailureOf(new ExpectedError("no", { kind })).exitCode).toBe(code);
});

test("what the user can do about a failure follows its message", () => {
  const { lines, log } = logged();
  const error = new ExpectedError("no such commit", { hint: "list them" });
  expect(reportFailure(log, "a command failed", error)).toBe("no such commit; list them");
  expect(commandFailureOf(error).text).toBe("no such commit; list them");
  expect(failureOf(error)).toMatchObject({ words: "no such commit", hint: "list them" });
  expect(lines).toEqual([]);
});

test("several expected failures are told together", () => {
  const both = new AggregateError([new ExpectedError("one"), new ExpectedError("two")]);
  expect(failureOf(both)).toMatchObject({ kind: "refused", words: "one; two" });
});

test("a command shows the stack of a bug, and one line of what the system refused", () => {
  expect(commandFailureOf(new TypeError("x is no function")).text).toMatch(
    /^internal error: x is no function\n +at .*failure\.test/,
  );
  const refused = Object.assign(new Error("EACCES: permission denied, open 'a'"), { code: "EACCES" });
  expect(commandFailureOf(refused)).toEqual({ text: refused.message, exitCode: 1 });
});

test.each(errors)("$className is told in the same way after it has come from another thread", ({ error }) => {
  const arrived = unpackError(packError(error, THREAD_ERRORS), THREAD_ERRORS);
  expect(failureOf(arrived)).toEqual(failureOf(error));
  expect(arrived.name).toBe(error.name);
});
