import { expect, test } from "bun:test";
import { FailedRequests } from "../../../../src/frontends/http/requests/failed-requests.ts";
import { ExpectedError } from "../../../../src/primitives/expected-error.ts";
import { errorResponse } from "../../../../src/registry/requests/errors.ts";
import { expectedErrors } from "../../../support/expected-errors.ts";

const SECRET = "/var/lib/everlock/secret";

async function answered(error: unknown, isOneOfMany = false) {
  const logged: string[] = [];
  const log = {
    info: () => undefined,
    warn: (message: string) => void logged.push(message),
    error: (message: string, cause: unknown) => void logged.push(`${message}: ${cause}`),
  };
  const failed = new FailedRequests(log, isOneOfMany);
  const response = errorResponse(failed.errorOf(error));
  const { errors } = (await response.json()) as { errors: { code: string; message: string }[] };
  return { status: response.status, headers: response.headers, ...errors[0], logged };
}

test.each(await expectedErrors())("$className becomes an OCI error", async ({ error }) => {
  const { status, code, message, logged } = await answered(error);
  expect(status).toBeGreaterThanOrEqual(400);
  expect(code).toMatch(/^[A-Z_]+$/);
  expect(message).not.toBe("");
  // Either the client is told what to do, or the operator.
  if (status === 500) {
    expect(logged).toHaveLength(1);
    expect(message).not.toContain(error.message);
  }
});

test.each([
  { what: "a plain error", error: new Error(SECRET) },
  { what: "a text", error: SECRET },
  { what: "an error of the system", error: Object.assign(new Error(SECRET), { code: "EACCES" }) },
  { what: "several errors", error: new AggregateError([new Error(SECRET)], SECRET) },
])("of $what the client is told nothing, and the log has it", async ({ error }) => {
  expect(await answered(error)).toMatchObject({
    status: 500,
    code: "UNKNOWN",
    message: "internal error; the server's log has the cause",
    logged: [`a request failed: ${error}`],
  });
});

test("a full and a failing disk are told apart, without a path, and the client may come again", async () => {
  const full = await answered(Object.assign(new Error(SECRET), { code: "ENOSPC" }));
  const failing = await answered(Object.assign(new Error(SECRET), { code: "EIO" }));
  expect([full.status, failing.status]).toEqual([507, 503]);
  for (const { message, headers } of [full, failing]) {
    expect(message).not.toContain(SECRET);
    expect(headers.get("Retry-After")).toBe("10");
  }
});

test("a full disk of one of many nodes is a reason to try another one", async () => {
  const full = await answered(Object.assign(new Error(SECRET), { code: "ENOSPC" }), true);
  expect(full).toMatchObject({ status: 503, code: "UNAVAILABLE" });
  expect(full.message).toContain("another node");
  expect(full.message).not.toContain(SECRET);
  expect(full.headers.get("Retry-After")).toBe("10");
});

test("what a user may be told is told as it is, and not logged", async () => {
  expect(await answered(new ExpectedError("'a' may not push"))).toMatchObject({
    status: 403,
    code: "DENIED",
    message: "'a' may not push",
    logged: [],
  });
});
