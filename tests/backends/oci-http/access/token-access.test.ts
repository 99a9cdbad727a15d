import { expect, test } from "bun:test";
import { parseScopes } from "../../../../src/backends/oci-http/access/token-access.ts";

/** In the order in which the repositories are first named. */
function repositories(...scopes: string[]) {
  return [...parseScopes(scopes).repositories].map(([name, permissions]) => `${name}:${permissions}`);
}

test("scopes of one repository are joined, in any order, repeated or in one string", () => {
  for (const scopes of [
    ["repository:a:pull,push", "repository:a:delete"],
    ["repository:a:delete", "repository:a:push,pull"],
    ["repository:a:pull,push repository:a:delete"],
    ["repository:a:push repository:a:pull", "repository:a:delete repository:a:pull"],
    ["repository:a:pull", "repository:a:*", "repository:a:pull"],
  ])
    expect(repositories(...scopes)).toEqual(["a:pull,push,delete"]);
  expect(repositories("repository:a:push", "repository:team/b:pull", "repository:a:push,pull")).toEqual([
    "a:pull,push",
    "team/b:pull",
  ]);
});

test("scopes that are unknown, malformed or empty request nothing, and don't keep others from counting", () => {
  const unknown = ["", " ", "x", "nonsense:x:y", "repository:A:pull", "repository:a", "registry:other:*"];
  expect(repositories(...unknown, "repository:a:pull")).toEqual(["a:pull"]);
  expect(parseScopes(unknown).catalog).toBe(false);
  expect(repositories("repository:a:fly,pull")).toEqual(["a:pull"]);
  expect(repositories("repository(plugin):a:pull")).toEqual(["a:pull"]);
});

test("the list of repositories is requested by any of the scopes", () => {
  expect(parseScopes(["repository:a:pull registry:catalog:*", "registry:catalog:*"]).catalog).toBe(true);
  expect(parseScopes(["registry:catalog:pull"]).catalog).toBe(false);
});
