import { expect, test } from "bun:test";
import { isWebPath, safeNext } from "../../../../src/frontends/http/web/web-paths.ts";

test.each([
  ["/", "/"],
  ["/repositories/app?at=2h", "/repositories/app?at=2h"],
  ["//evil.test/", "/"],
  ["/\\evil.test/", "/"],
  ["https://evil.test/", "/"],
  ["/a\r\nSet-Cookie: x", "/"],
  ["/\t/evil.test", "/"],
  ["", "/"],
  [null, "/"],
])("a sign-in that should lead to %p leads to %p", (next, leads) => {
  expect(safeNext(next)).toBe(leads);
});

test.each([
  ["/v2", "text/html", false],
  ["/v2/", "text/html", false],
  ["/v2/app/tags/list", "text/html", false],
  ["/", null, true],
  ["/api/v1/repositories", null, true],
  ["/repositories/app", "*/*", true],
  ["/nothing", "text/html,application/xhtml+xml,*/*;q=0.8", true],
  ["/nothing", "*/*", false],
  ["/v1/_ping", null, false],
])("whether %p is a page for a client that accepts %p: %p", (path, accept, isWeb) => {
  expect(isWebPath(path, accept)).toBe(isWeb);
});
