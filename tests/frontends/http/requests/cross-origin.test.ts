import { describe, expect, test } from "bun:test";
import { resolveServerConfig } from "../../../../src/config/server-config.ts";
import { parseAllowedOrigin } from "../../../../src/frontends/http/requests/cross-origin.ts";
import { RegistryClient } from "../../../support/registry-client.ts";
import { startTestServer } from "../../../support/test-server.ts";
import { WebClient } from "../../../support/web-client.ts";

const UI = "https://ui.example.org";
const ALICE = { Host: "localhost", Authorization: `Basic ${btoa("alice:change-me")}` };

test.each([
  ["https://ui.example.org", UI],
  ["HTTPS://UI.example.org:443", UI],
  ["http://localhost:3000", "http://localhost:3000"],
  ["http://[::1]:3000", "http://[::1]:3000"],
  ["*", "*"],
  ["https://ui.example.org/", undefined],
  ["https://ui.example.org/path", undefined],
  ["https://user@ui.example.org", undefined],
  ["https://*.example.org", undefined],
  ["https://a b", undefined],
  ["https://a:99999", undefined],
  ["ui.example.org", undefined],
  ["ftp://ui.example.org", undefined],
  ["null", undefined],
  ["", undefined],
])("%p allows the origin %p", (text, origin) => {
  expect(parseAllowedOrigin(text)).toBe(origin as string);
});

test("an invalid origin is refused with an example", () => {
  expect(() => resolveServerConfig([`--frontend-http-cors-origin=${UI}/`], {})).toThrow(
    `--frontend-http-cors-origin must be an origin such as https://ui.example.org, without a path, or '*', not '${UI}/'`,
  );
  expect(
    resolveServerConfig([], { EVERLOCK_FRONTEND_HTTP_CORS_ORIGIN: `${UI}, *` }).http?.settings.crossOrigins,
  ).toEqual([UI, "*"]);
});

async function start(...origins: readonly string[]) {
  const flags = origins.flatMap((origin) => ["--frontend-http-cors-origin", origin]);
  const { httpPort } = await startTestServer([...flags, "--limit-requests", "1000"]);
  const ask = (path: string, headers: Record<string, string>, method = "GET") =>
    fetch(`http://127.0.0.1:${httpPort}${path}`, { method, headers: { ...ALICE, ...headers } });
  return { ask, httpPort };
}

/** The headers of CORS, and Vary. */
function corsOf({ headers }: Response): Record<string, string> {
  return Object.fromEntries([...headers].filter(([name]) => /^(access-control-|vary$)/.test(name)));
}

describe("web pages of an allowed origin", () => {
  test("get a preflight response for every path, without a login", async () => {
    const { ask } = await start(UI);
    const preflight = {
      Origin: UI,
      Authorization: "",
      "Access-Control-Request-Method": "PUT",
      "Access-Control-Request-Headers": "authorization,content-type",
    };
    for (const path of ["/v2/", "/v2/app/manifests/v1", "/token"]) {
      const response = await ask(path, preflight, "OPTIONS");
      expect([path, response.status, corsOf(response)]).toEqual([
        path,
        204,
        {
          "access-control-allow-origin": UI,
          "access-control-allow-credentials": "true",
          "access-control-allow-methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
          "access-control-allow-headers": expect.stringContaining("Authorization"),
          "access-control-expose-headers": expect.any(String),
          "access-control-max-age": "7200",
          vary: "Origin",
        },
      ]);
    }
    // Not a preflight request.
    expect((await ask("/v2/app/manifests/v1", { Origin: UI }, "OPTIONS")).status).toBe(405);
  });

  test("may read every response and its headers: lists, blobs, cached manifests, errors", async () => {
    const { ask, httpPort } = await start(UI);
    const { layer } = await new RegistryClient(httpPort, "app").pushImage("v1", 100_000);
    const manifest = await ask("/v2/app/manifests/v1", {});
    const found = [];
    for (const [path, headers, method = "GET"] of [
      ["/v2/", {}],
      ["/v2/", { Authorization: "" }],
      ["/v2/", { Host: "nope.test" }],
      ["/v2/", { Host: "a/b" }],
      ["/v2/app/manifests/v1", {}],
      ["/v2/app/manifests/v1", {}],
      ["/v2/app/manifests/v1", { "If-None-Match": manifest.headers.get("ETag") ?? "" }],
      ["/v2/app/manifests/none", {}],
      [`/v2/app/blobs/${layer}`, {}],
      [`/v2/app/blobs/${layer}`, { Range: "bytes=0-9" }],
      [`/v2/app/blobs/${layer}`, {}, "HEAD"],
      ["/v2/app/tags/list", {}],
      ["/v2/app/blobs/uploads/", {}, "POST"],
      ["/token", {}],
      ["/nothing", {}],
    ] as const) {
      const response = await ask(path, { Origin: UI, ...headers }, method);
      await response.arrayBuffer();
      found.push([response.status, corsOf(response)]);
    }
    const expected = {
      "access-control-allow-origin": UI,
      "access-control-allow-credentials": "true",
      "access-control-expose-headers": expect.stringMatching(
        /Docker-Content-Digest.*Docker-Upload-UUID.*Link.*Location.*OCI-Subject.*Range.*WWW-Authenticate/,
      ),
      vary: expect.stringMatching(/Origin$/),
    };
    const statuses = [200, 401, 404, 400, 200, 200, 304, 404, 200, 206, 200, 200, 202, 200, 404];
    expect(found).toEqual(statuses.map((status) => [status, expected]));
  });

  test("are no pages of other origins, and a cache knows that the response depends on the origin", async () => {
    const { ask } = await start(UI, "http://localhost:3000");
    for (const origin of [
      "https://evil.test",
      "null",
      "https://ui.example.org.evil.test",
      "http://ui.example.org",
    ]) {
      expect([origin, corsOf(await ask("/v2/", { Origin: origin }))]).toEqual([origin, { vary: "Origin" }]);
      const preflight = { Origin: origin, "Access-Control-Request-Method": "PUT" };
      const response = await ask("/v2/app/manifests/v1", preflight, "OPTIONS");
      expect([origin, response.status, corsOf(response)]).toEqual([origin, 405, { vary: "Origin" }]);
    }
    expect(corsOf(await ask("/v2/", {}))).toEqual({ vary: "Origin" });
    const second = await ask("/v2/", { Origin: "http://localhost:3000" });
    expect(second.headers.get("Access-Control-Allow-Origin")).toBe("http://localhost:3000");
  });

  test("are those of any origin with '*', but without credentials", async () => {
    const { ask } = await start("*", UI);
    const any = corsOf(await ask("/v2/", { Origin: "https://any.test" }));
    expect(any["access-control-allow-origin"]).toBe("*");
    expect(any["access-control-allow-credentials"]).toBeUndefined();
    expect(corsOf(await ask("/v2/", { Origin: UI }))["access-control-allow-credentials"]).toBe("true");
  });

  test("do not exist unless an origin is configured", async () => {
    const { ask } = await start();
    expect(corsOf(await ask("/v2/", { Origin: UI }))).toEqual({});
    const preflight = { Origin: UI, "Access-Control-Request-Method": "PUT" };
    const response = await ask("/v2/app/manifests/v1", preflight, "OPTIONS");
    expect([response.status, corsOf(response)]).toEqual([405, {}]);
  });
});

test("pages of an allowed origin read nothing by the session of the registry's pages", async () => {
  const { httpPort } = await start(UI);
  await new RegistryClient(httpPort, "team/app").pushImage("v1", 100);
  const browser = new WebClient(httpPort);
  await browser.signIn("alice", "change-me");
  expect(await browser.text("/api/v1/repositories")).toContain("team/app");
  for (const path of ["/", "/api/v1/repositories"]) {
    const response = await browser.fetch(path, { headers: { Origin: UI } });
    expect(response.headers.get("Access-Control-Allow-Origin")).toBe(UI);
    expect(await response.text()).not.toContain("team/app");
  }
});
