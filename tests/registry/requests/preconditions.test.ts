import { describe, expect, test } from "bun:test";
import { digestOf } from "../../../src/primitives/digest.ts";
import { holds } from "../../../src/registry/model/precondition.ts";
import { RegistryError } from "../../../src/registry/requests/errors.ts";
import { readPrecondition } from "../../../src/registry/requests/preconditions.ts";

const [OLD, NEW] = ["old", "new"].map((text) => digestOf(Buffer.from(text)));

function read(headers: Record<string, string>) {
  return readPrecondition(new Request("http://localhost/", { headers }));
}

/** Whether the headers allow a change of content with each digest; `undefined`: where there is no content. */
function allowed(headers: Record<string, string>) {
  const precondition = read(headers);
  if (!precondition || precondition instanceof RegistryError) throw new Error("there is no precondition");
  return [undefined, OLD, NEW].map((current) => holds(precondition, current));
}

describe("a precondition of a change", () => {
  test.each([
    ["If-None-Match: * allows it where nothing is", { "If-None-Match": "*" }, [true, false, false]],
    ["If-Match: * allows it where something is", { "If-Match": " * " }, [false, true, true]],
    ["If-Match of a digest allows it there", { "If-Match": `"${OLD}"` }, [false, true, false]],
    [
      "If-Match of several digests allows it at each",
      { "If-Match": `"${OLD}" ,,"${NEW}",` },
      [false, true, true],
    ],
    ["If-Match of a weak tag never allows it", { "If-Match": `W/"${OLD}"` }, [false, false, false]],
    [
      "If-None-Match of digests allows it elsewhere",
      { "If-None-Match": `W/"${OLD}", "x"` },
      [true, false, true],
    ],
    ["both must allow it", { "If-Match": "*", "If-None-Match": `"${OLD}"` }, [false, false, true]],
    ["an entity tag may hold commas and stars", { "If-Match": '"a,b","*"' }, [false, false, false]],
  ])("%s", (_, headers, expected) => {
    expect(allowed(headers as Record<string, string>)).toEqual(expected);
  });

  test("is absent without its headers", () => {
    expect(read({ "If-Modified-Since": "x", "If-Unmodified-Since": "x" })).toBeUndefined();
  });

  test.each([
    "",
    "  ",
    ",",
    OLD ?? "",
    `'${OLD}'`,
    `"${OLD}`,
    '"a" "b"',
    '"a", *',
    "*, *",
    'w/"a"',
    '"a";q=1',
  ])("is an error where a header is malformed: %j", (value) => {
    for (const name of ["If-Match", "If-None-Match"]) {
      expect(read({ [name]: value })).toMatchObject({
        status: 400,
        message: `${name} must be * or a list of entity tags, as in "sha256:<64 hex>" with its quotes`,
      });
    }
  });

  test("of sixteen thousand characters is read in a bounded time", () => {
    const start = performance.now();
    for (const value of [
      " ".repeat(16_000),
      ",".repeat(16_000),
      '"a",'.repeat(4000),
      `"${"a".repeat(16_000)}`,
    ])
      read({ "If-Match": `"a"${value}x` });
    expect(performance.now() - start).toBeLessThan(1000);
  });
});
