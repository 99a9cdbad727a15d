import { describe, expect, test } from "bun:test";
import { RegistryClient } from "../../../support/registry-client.ts";
import { startTestServer } from "../../../support/test-server.ts";

async function start() {
  const { httpPort } = await startTestServer();
  await new RegistryClient(httpPort, "team/app").pushImage("v1");
  const ask = async (path: string, init: RequestInit = {}, user = "alice") => {
    const headers = new Headers({ Host: "localhost", ...init.headers });
    if (user !== "anon") headers.set("Authorization", `Basic ${btoa(`${user}:change-me`)}`);
    const response = await fetch(`http://127.0.0.1:${httpPort}/api/v1${path}`, { ...init, headers });
    return { response, json: (await response.json()) as Record<string, unknown> };
  };
  return { ask };
}

describe("the API", () => {
  test("lists the repositories that the user may read, and nothing to `anon`", async () => {
    const { ask } = await start();
    expect((await ask("/repositories")).json).toMatchObject({
      repositories: [{ name: "team/app", tags: 1, public: false }],
    });
    expect((await ask("/repositories", {}, "anon")).json).toMatchObject({
      repositories: [],
    });
  });

  test.each([
    ["/repositories?limit=0", 400, "the query is not valid: 'limit' must be >= 1"],
    ["/repositories?limit=many", 400, "the query is not valid: 'limit' must be integer"],
    ["/repositories?nothing=1", 400, "the query is not valid: may not have 'nothing'"],
    [
      "/repositories?at=whenever",
      400,
      "'whenever' is not a point in time: 'at' is a time such as 2026-01-31T12:00:00Z, an age such as 2h, or a commit",
    ],
    ["/nothing", 404, "the API has no '/api/v1/nothing'"],
  ])("answers %p with a problem document: %p", async (path, status, detail) => {
    const { ask } = await start();
    const { response, json } = await ask(path);
    expect([response.status, response.headers.get("Content-Type"), json]).toEqual([
      status,
      "application/problem+json",
      expect.objectContaining({ status, detail }),
    ]);
  });

  test("names the methods of a path", async () => {
    const { ask } = await start();
    const { response } = await ask("/repositories", { method: "PUT" });
    expect([response.status, response.headers.get("Allow")]).toEqual([405, "GET, HEAD"]);
  });

  test("describes itself", async () => {
    const { ask } = await start();
    const { json } = await ask("/openapi.json");
    expect(json).toMatchObject({
      openapi: "3.1.0",
      paths: { "/repositories": { get: { operationId: "listRepositories" } } },
    });
  });
});

test("a wrong password for the API is a problem document too", async () => {
  const { ask } = await start();
  const { response, json } = await ask("/repositories", {}, "nobody");
  expect([response.status, response.headers.get("Content-Type")]).toEqual([401, "application/problem+json"]);
  expect(json["detail"]).toContain("password");
});
