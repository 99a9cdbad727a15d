import { expect, test } from "bun:test";
import { splitTarget } from "../../../../src/frontends/http/requests/request-target.ts";

test.each([
  ["http://a.test/v2/app?n=1", "/v2/app", "n=1"],
  ["http://a.test//x/?a=://b/", "//x/", "a=%3A%2F%2Fb%2F"],
  ["http://a.test", "/", ""],
  // What the runtime has for an invalid Host header.
  ["/api/v1/?a=://b/", "/api/v1/", "a=%3A%2F%2Fb%2F"],
])("the target of %p is the path %p with the query %p", (url, path, query) => {
  const target = splitTarget(url);
  expect([target.path, target.query.toString()]).toEqual([path, query]);
});
