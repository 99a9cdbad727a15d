import { describe, expect, test } from "bun:test";
import { RoutePattern } from "../../../../src/backends/web/requests/route-pattern.ts";

describe("a route", () => {
  test.each([
    ["/repositories/{repository}", "/repositories/app", { repository: "app" }],
    ["/repositories/{repository}", "/repositories/team/a/b", { repository: "team/a/b" }],
    ["/repositories/{repository}", "/repositories/", undefined],
    ["/repositories/{repository}", "/repositories/app/-/tags/v1", undefined],
    [
      "/repositories/{repository}/-/tags/{tag}",
      "/repositories/a/b/-/tags/v1",
      { repository: "a/b", tag: "v1" },
    ],
    ["/repositories/{repository}/-/tags/{tag}", "/repositories/a/b/-/tags/", undefined],
    ["/repositories/{repository}/-/tags/{tag}", "/repositories/a/b/-/tags/v1/more", undefined],
    ["/repositories/{repository}/-/tags/{tag}", "/repositories/-/tags/v1", undefined],
    ["/commits/{commit}", "/commits/a%20b", { commit: "a b" }],
    ["/commits/{commit}", "/commits/%ff", undefined],
    ["/", "/", {}],
    ["/", "/x", undefined],
  ])("%p finds in %p: %p", (pattern, path, values) => {
    expect(new RoutePattern<string>(pattern).match(path)).toEqual(values);
  });
});
