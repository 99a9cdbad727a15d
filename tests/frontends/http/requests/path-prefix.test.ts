import { expect, test } from "bun:test";
import { resolveServerConfig } from "../../../../src/config/server-config.ts";
import { parsePathPrefix } from "../../../../src/frontends/http/requests/path-prefix.ts";
import { RegistryClient } from "../../../support/registry-client.ts";
import { startTestServer } from "../../../support/test-server.ts";

const PREFIX = ["--frontend-http-path-prefix", "/infra/registry"];
const ALICE = { Host: "localhost", Authorization: `Basic ${btoa("alice:change-me")}` };

test.each([
  ["/registry", true],
  ["/infra/registry-1.x_y~z", true],
  ["registry", false],
  ["/registry/", false],
  ["/", false],
  ["", false],
  ["//registry", false],
  ["/a//b", false],
  ["/a/../b", false],
  ["/.", false],
  ["/v2", false],
  ["/v2/app", false],
  ["/token", false],
  ["/v2x", true],
  ["/a b", false],
  ["/a%20b", false],
  ["/é", false],
  ["/a?b", false],
  [`/${"a".repeat(200)}`, false],
])("%p is a path prefix: %p", (text, isValid) => {
  expect(parsePathPrefix(text)).toBe(isValid ? text : undefined);
});

test("an invalid path prefix is refused with an example", () => {
  expect(() => resolveServerConfig(["--frontend-http-path-prefix", "/registry/"], {})).toThrow(
    /--frontend-http-path-prefix must be a path such as \/registry, .*, not '\/registry\/'$/,
  );
});

test("everything is served below the path prefix, and each address in a response has it", async () => {
  const { httpPort } = await startTestServer(PREFIX);
  const ask = (path: string, method = "GET", headers: Record<string, string> = ALICE) =>
    fetch(`http://127.0.0.1:${httpPort}/infra/registry${path}`, { method, headers });
  expect((await ask("/v2/")).status).toBe(200);
  expect((await ask("/token")).status).toBe(200);
  const started = await ask("/v2/app/blobs/uploads/", "POST");
  expect(started.headers.get("Location")).toMatch(/^\/infra\/registry\/v2\/app\/blobs\/uploads\/[\w-]+$/);
  // A client that joins each Location with the host pushes and pulls through the prefix.
  const client = new RegistryClient(httpPort, "app");
  const { digest } = await client.pushImage("v1");
  const { manifest } = await client.pushImage("v2");
  const put = await client.putManifest("v3", manifest);
  expect(put.headers.get("Location")).toStartWith("/infra/registry/v2/app/manifests/sha256:");
  expect((await client.fetch(`/infra/registry/v2/app/manifests/${digest}`)).status).toBe(200);
  const page = await ask("/v2/app/tags/list?n=1");
  expect(page.headers.get("Link")).toBe('</infra/registry/v2/app/tags/list?n=1&last=v1>; rel="next"');
  const unknown = await ask("/v2/", "GET", { Host: "nope.test" });
  expect(unknown.headers.get("WWW-Authenticate")).toStartWith(
    'Bearer realm="http://nope.test/infra/registry/token"',
  );
});

test("paths at the root, and no others, are served beside those below the path prefix", async () => {
  const { httpPort } = await startTestServer(PREFIX);
  const status = async (path: string) =>
    (await fetch(`http://127.0.0.1:${httpPort}${path}`, { headers: ALICE })).status;
  for (const path of ["/v2/", "/infra/registry", "/infra/registry/"])
    expect([path, await status(path)]).toEqual([path, 200]);
  for (const path of ["/infra/v2/", "/infra/registryv2/", "/registry/v2/"])
    expect([path, await status(path)]).toEqual([path, 404]);
});
