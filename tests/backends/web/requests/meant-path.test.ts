import { expect, test } from "bun:test";
import { meantPath } from "../../../../src/backends/web/requests/meant-path.ts";

test.each([
  ["/repositories", "/"],
  ["/repositories/", "/"],
  ["/repositories/team/app/", "/repositories/team/app"],
  ["/log/", "/log"],
  ["/", undefined],
  ["/log", undefined],
  ["/log//", undefined],
  ["//example.org/", undefined],
  ["///example.org/", undefined],
])("the path %p means %p, never another host", (path, meant) => {
  expect(meantPath(path)).toBe(meant);
});
