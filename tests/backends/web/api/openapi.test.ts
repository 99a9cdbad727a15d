import { describe, expect, test } from "bun:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import { Value } from "typebox/value";
import type { ApiRoute } from "../../../../src/backends/web/api/api-route.ts";
import { API_ROUTES } from "../../../../src/backends/web/api/api-table.ts";
import { Problem } from "../../../../src/backends/web/api/openapi.ts";
import { startHiddenWorld } from "../../../support/web/hidden-world.ts";
import { apiPaths, bodyOf, READ_ROUTES } from "../../../support/web/web-addresses.ts";
import { WebClient } from "../../../support/web-client.ts";

const HEADERS = { Authorization: `Basic ${btoa("alice:change-me")}` };

type Asked = Omit<RequestInit, "headers"> & { readonly headers?: Record<string, string> };

async function start() {
  const world = await startHiddenWorld();
  const examples = await world.hide();
  const client = new WebClient(world.httpPort);
  const ask = (path: string, init: Asked = {}) =>
    client.fetch(path, { ...init, headers: { ...HEADERS, ...init.headers } });
  return { examples, ask };
}

/** What of a JSON value a schema does not have, or forbids. */
function faultsOf(route: ApiRoute, path: string, json: unknown): string[] {
  const { response } = route;
  if (!response) return [`${path}: a body that is not described`];
  const faults = [...Value.Errors(response, json)].map(
    ({ instancePath, message }) => `${path}: ${instancePath} ${message}`,
  );
  const described = Value.Clean(response, structuredClone(json));
  return Bun.deepEquals(described, json) ? faults : [...faults, `${path}: a member that is not described`];
}

describe("the OpenAPI document", () => {
  test("is valid OpenAPI 3.1, and has every route once", async () => {
    const { ask } = await start();
    const document = (await (await ask("/api/v1/openapi.json")).json()) as {
      readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly operationId: string }>>>>;
    };
    expect(await new Validator().validate(structuredClone(document))).toMatchObject({ valid: true });
    const described = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(described.sort()).toEqual(
      API_ROUTES.map(({ method, pattern }) => `${method} ${pattern.path}`).sort(),
    );
    const ids = API_ROUTES.map(({ operationId }) => operationId);
    expect(ids).toEqual([...new Set(ids)]);
  });

  test("describes what every route returns, now and of the past", async () => {
    const { examples, ask } = await start();
    const faults: string[] = [];
    for (const route of READ_ROUTES)
      for (const path of apiPaths(route, examples)) {
        const hasMoment = "at" in route.query.properties;
        for (const moment of hasMoment ? ["", `at=${examples.commit}`] : [""]) {
          const asked = moment === "" ? path : `${path}${path.includes("?") ? "&" : "?"}${moment}`;
          const response = await ask(asked);
          if (response.status !== 200 && moment === "") faults.push(`${asked}: ${response.status}`);
          else if (response.status !== 200) faults.push(...problemFaults(asked, await response.json()));
          else if (response.headers.get("Content-Type") === "application/json")
            faults.push(...faultsOf(route, asked, await response.json()));
          else if (route.response) faults.push(`${asked}: ${response.headers.get("Content-Type")}`);
        }
      }
    expect(faults).toEqual([]);
  }, 30_000);

  test("describes every error: of a login, a parameter, a body, a method, a path", async () => {
    const { examples, ask } = await start();
    const faults: string[] = [];
    const refused = await ask("/api/v1/log", { headers: { Authorization: `Basic ${btoa("alice:no")}` } });
    expect(refused.status).toBe(401);
    faults.push(...problemFaults("a wrong password", await refused.json()));
    for (const route of API_ROUTES) {
      const [path = ""] = apiPaths(route, examples);
      const { method } = route;
      const json = { "Content-Type": "application/json" };
      const wrong = { ...(route.body && { body: '{"no":1}', headers: json }), method };
      const asked: [string, Asked][] = [
        [`${path}${path.includes("?") ? "&" : "?"}no-such-parameter=1`, wrong],
        [path, { method: "PATCH" }],
        [`${path.split("?")[0]}/no-such-path`, wrong],
      ];
      if (route.body)
        asked.push(
          [path, wrong],
          [path, { method, body: "{", headers: json }],
          [path, { method, body: "x=1" }],
        );
      for (const [address, init] of asked) {
        const response = await ask(address, init);
        if (response.status < 400) faults.push(`${method} ${address}: ${response.status}`);
        else if (response.headers.get("Content-Type") !== "application/problem+json")
          faults.push(`${method} ${address}: ${response.status} ${response.headers.get("Content-Type")}`);
        else faults.push(...problemFaults(address, await response.json()));
      }
    }
    expect(faults).toEqual([]);
  }, 30_000);

  test("describes what every change returns", async () => {
    const { examples, ask } = await start();
    const faults: string[] = [];
    for (const route of API_ROUTES.filter(({ method }) => method !== "GET")) {
      const [path = ""] = apiPaths(route, examples);
      const body = bodyOf(route, examples);
      const response = await ask(path, {
        ...{ method: route.method, headers: { "Content-Type": "application/json" } },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      if (response.status === 204 && !route.response) continue;
      if (response.status === 200) faults.push(...faultsOf(route, path, JSON.parse(text)));
      else faults.push(...problemFaults(path, JSON.parse(text)));
      // Of an example that names nothing, such as a token that is not there.
      if (![200, 404, 409].includes(response.status))
        faults.push(`${route.method} ${path}: ${response.status} ${text}`);
    }
    expect(faults).toEqual([]);
  }, 30_000);
});

function problemFaults(path: string, json: unknown): string[] {
  return Value.Check(Problem, json) ? [] : [`${path}: no problem document: ${JSON.stringify(json)}`];
}
