import { expect, test } from "bun:test";
import { startTestServer } from "../../../support/test-server.ts";

const HTML = { Accept: "text/html,application/xhtml+xml,*/*;q=0.8" };

async function start(args: readonly string[] = []) {
  const { httpPort } = await startTestServer(args);
  return (path: string, headers: Record<string, string>) =>
    fetch(`http://127.0.0.1:${httpPort}${path}`, { headers });
}

test("a browser at a host that no registry has gets a page with what the operator would do", async () => {
  const ask = await start();
  const response = await ask("/", { Host: "nope.test", ...HTML });
  expect([response.status, response.headers.get("Content-Type")]).toEqual([404, "text/html; charset=utf-8"]);
  const page = await response.text();
  expect(page).toContain("No registry is served at nope.test");
  expect(page).toContain("/oci set &lt;registry&gt; vhost=nope.test");
  // Which other hosts are served is not told to strangers.
  expect(page).not.toContain("localhost");
  expect(response.headers.get("Content-Security-Policy")).toContain("default-src 'none'");
});

test("other clients at an unknown host, and the registry's own API, get JSON", async () => {
  const ask = await start();
  for (const [path, headers] of [
    ["/", {}],
    ["/v2/app/tags/list", HTML],
  ] as const) {
    const response = await ask(path, { Host: "nope.test", ...headers });
    expect([response.status, response.headers.get("Content-Type")]).toEqual([404, "application/json"]);
  }
});

test("without the pages, a browser at an unknown host gets JSON", async () => {
  const ask = await start(["--no-backend-web"]);
  const response = await ask("/", { Host: "nope.test", ...HTML });
  expect([response.status, response.headers.get("Content-Type")]).toEqual([404, "application/json"]);
});

test("a browser with a wrong Basic login gets a page, and is asked again", async () => {
  const ask = await start();
  const Authorization = `Basic ${btoa("alice:wrong")}`;
  const response = await ask("/", { Host: "localhost", Authorization, ...HTML });
  expect([response.status, response.headers.get("Content-Type")]).toEqual([401, "text/html; charset=utf-8"]);
  expect(response.headers.get("WWW-Authenticate")).toBeTruthy();
  expect(await response.text()).toContain("wrong user name or password.");
});
