import { describe, expect, test } from "bun:test";
import { SECURITY_HEADERS } from "../../../../src/backends/web/requests/security-headers.ts";
import { startTestServer } from "../../../support/test-server.ts";

const BROWSER = { Accept: "text/html,application/xhtml+xml" };
const FORM = { "Content-Type": "application/x-www-form-urlencoded" };

async function start(args: readonly string[] = []) {
  const { httpPort } = await startTestServer(args);
  return (path: string, headers: Record<string, string>, init: RequestInit = {}) =>
    fetch(`http://127.0.0.1:${httpPort}${path}`, { ...init, headers: { Host: "localhost", ...headers } });
}

function missingHeaders({ headers }: Response): string[] {
  const { "Content-Security-Policy": _, ...fixed } = SECURITY_HEADERS;
  const wanted = Object.entries({ ...fixed, "Cache-Control": "no-store" });
  const policy = headers.get("Content-Security-Policy") ?? "";
  const isStrict = ["default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"].every((part) =>
    policy.includes(part),
  );
  return [
    ...wanted.flatMap(([name, value]) => (headers.get(name) === value ? [] : [name])),
    ...(isStrict ? [] : ["Content-Security-Policy"]),
  ];
}

describe("an error before the pages", () => {
  test.each([
    ["another site's form", 403, "/sign-in", { "Sec-Fetch-Site": "cross-site" }, "user=alice"],
    ["a form that is too long", 413, "/sign-in", {}, "x".repeat(300_000)],
    ["a wrong password", 401, "/", { Authorization: `Basic ${btoa("alice:<wrong>")}` }, undefined],
    ["a host of no registry", 404, "/", { Host: "x.test" }, undefined],
    ["a host that is none", 400, "/", { Host: "<script>" }, undefined],
    ["a port that is none", 400, "/", { Host: "localhost:99999" }, undefined],
  ])(
    "%s is a page with %p and the headers of all pages, a problem in the API",
    async (_, status, path, headers, body) => {
      const ask = await start();
      const init = body === undefined ? {} : { method: "POST", body };
      const page = await ask(path, { ...BROWSER, ...FORM, ...headers }, init);
      expect([page.status, page.headers.get("Content-Type")]).toEqual([status, "text/html; charset=utf-8"]);
      expect(missingHeaders(page)).toEqual([]);
      expect(await page.text()).not.toContain("<script>");
      const api = await ask(`/api/v1${path}`, { ...BROWSER, ...FORM, ...headers }, init);
      expect([api.status, api.headers.get("Content-Type")]).toEqual([status, "application/problem+json"]);
      expect(missingHeaders(api)).toEqual([]);
      expect(await api.json()).toMatchObject({ type: "about:blank", status });
    },
  );

  test("too many requests are a page too, and the spec's error for registry clients", async () => {
    const ask = await start(["--limit-requests", "1"]);
    const responses = await Promise.all(Array.from({ length: 6 }, () => ask("/", BROWSER)));
    const limited = responses.find(({ status }) => status === 429);
    expect(limited?.headers.get("Retry-After")).toBe("1");
    expect(limited && missingHeaders(limited)).toEqual([]);
    expect(await limited?.text()).toContain("<h1>Too many requests</h1>");
    // The limit lets one request of a second through.
    const clients = await Promise.all(Array.from({ length: 6 }, () => ask("/v2/", {})));
    const refused = clients.find(({ status }) => status === 429);
    expect(refused?.headers.get("Content-Type")).toBe("application/json");
  });
});
