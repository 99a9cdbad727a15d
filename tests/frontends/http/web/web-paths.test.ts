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
  ["/v2", false],
  ["/v2/", false],
  ["/v2/app/tags/list", false],
  ["/v20", true],
  ["/", true],
])("whether %p is a page: %p", (path, isWeb) => {
  expect(isWebPath(path)).toBe(isWeb);
});
