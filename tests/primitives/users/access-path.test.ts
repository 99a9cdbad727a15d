import { describe, expect, test } from "bun:test";
import { covers, parseAccessPath, parseAccessPattern } from "../../../src/primitives/users/access-path.ts";

describe("an access pattern", () => {
  test.each([
    ["http/oci/default", "http/oci/default", true],
    ["http/oci/default", "http/oci/default/team/app", true],
    ["http/oci/default", "http/oci/other", false],
    ["http/oci/*", "http/oci/other/app", true],
    ["*/*/*", "ssh/admin/console", true],
    ["http/*/default", "http/oci/default", true],
    ["http/oci/default/team/app", "http/oci/default/team/app", true],
    ["http/oci/default/team/app", "http/oci/default/team/app/x", false],
    ["http/oci/default/team/app", "http/oci/default", false],
    ["http/oci/default/team/*", "http/oci/default/team/app", true],
    ["http/oci/default/team/*", "http/oci/default/team/app/x", false],
    ["http/oci/default/team/**", "http/oci/default/team/app/x", true],
    ["http/oci/default/**/app", "http/oci/default/a/b/app", true],
    ["http/oci/default/**/app", "http/oci/default/a/b/other", false],
    ["http/oci/default/team/**", "http/oci/default/teams/app", false],
  ])("%p covers %p: %p", (pattern, path, expected) => {
    const parsed = { pattern: parseAccessPattern(pattern), path: parseAccessPath(path) };
    if (!parsed.pattern || !parsed.path) throw new Error("the row does not parse");
    expect(covers(parsed.pattern, parsed.path)).toBe(expected);
  });

  test.each([
    "",
    "http",
    "http/oci",
    "http/oci/",
    "/http/oci/x",
    "http/oci/**",
    "http/oci/a*",
    "HTTP/oci/x",
    "http/oci/../x",
  ])("refuses %p", (text) => expect(parseAccessPattern(text)).toBeUndefined());
});
