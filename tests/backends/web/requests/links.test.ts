import { expect, test } from "bun:test";
import { Links } from "../../../../src/backends/web/requests/links.ts";

test("links keep the moment that is looked at, and the path prefix", () => {
  const links = new Links("https://example.org/infra/registry", "2h");
  expect(links.to("/log", { user: "alice", page: undefined })).toBe("/infra/registry/log?at=2h&user=alice");
  expect(links.now("/log")).toBe("/infra/registry/log");
  expect(links.tag("team/app", "v1")).toBe("/infra/registry/repositories/team/app/-/tags/v1?at=2h");
  expect(links.belowRoot(links.now("/sign-in"))).toBe("/sign-in");
});

test("links at the root have no prefix", () => {
  expect(new Links("http://localhost:8080", undefined).to("/")).toBe("/");
});
