import { expect, test } from "bun:test";
import { startTestServer } from "../../../support/test-server.ts";

const MESSAGE =
  "no registry is served at the host 'nope.test'; the server's log names the hosts that are served";

async function start(flags: readonly string[] = []) {
  const { httpPort, logged } = await startTestServer(flags);
  const ask = (path: string, host: string, headers: Record<string, string> = {}, method = "GET") =>
    fetch(`http://127.0.0.1:${httpPort}${path}`, { method, headers: { Host: host, ...headers } });
  return { ask, logged };
}

const ALICE = { Authorization: `Basic ${btoa("alice:change-me")}` };

test("a host that no registry has is named in the error of every path", async () => {
  const { ask } = await start();
  const found = [];
  for (const [path, method] of [
    ["/v2/", "GET"],
    ["/v2/app/manifests/v1", "GET"],
    ["/v2/app/manifests/v1", "PUT"],
    ["/v2/app/blobs/uploads/", "POST"],
    ["/", "GET"],
  ] as const) {
    const response = await ask(path, "nope.test:5000", ALICE, method);
    found.push([path, response.status, await response.json()]);
  }
  const error = { errors: [{ code: "NAME_UNKNOWN", message: MESSAGE }] };
  expect(found).toEqual(found.map(([path]) => [path, 404, error]));
});

test("the first request to an unknown host is challenged, so that podman shows the message of the next", async () => {
  const { ask } = await start();
  const ping = await ask("/v2/", "nope.test:5000");
  expect([ping.status, ping.headers.get("WWW-Authenticate")]).toEqual([
    401,
    'Bearer realm="http://nope.test:5000/token",service="nope.test:5000"',
  ]);
  expect(await ping.text()).toContain(MESSAGE);
  const token = await ask("/token?scope=repository:app:pull", "nope.test:5000", ALICE);
  const { token: value } = (await token.json()) as { token: string };
  const bearer = { Authorization: `Bearer ${value}` };
  expect((await ask("/v2/app/manifests/v1", "nope.test:5000", bearer)).status).toBe(404);
  expect((await ask("/v2/app/manifests/v1", "localhost", bearer)).status).toBe(401);
});

test.each(["1", "3"])(
  "with %p threads the log names an unknown host once, and the hosts that are served",
  async (workers) => {
    const { ask, logged } = await start(["--http-workers", workers, "--backend-oci-http-vhost", "team.test"]);
    for (let i = 0; i < 20; i++) await (await ask("/v2/", "nope.test", { Connection: "close" })).text();
    expect(logged.filter((line) => line.includes("nope.test"))).toEqual([
      "warn no registry has the host 'nope.test' that 127.0.0.1 asked for; served are team.test; add it with '/oci set <registry> vhost=nope.test'",
    ]);
  },
  20_000,
);

test("a registry with the host '*' answers every host under the name that the client used", async () => {
  const { ask } = await start(["--backend-oci-http-vhost", "*"]);
  for (const host of ["any.test:5000", "10.1.2.3", "[2001:db8::1]:80"])
    expect([host, (await ask("/v2/", host, ALICE)).status]).toEqual([host, 200]);
});

test("the registry of localhost is reached by each name of the loopback interface", async () => {
  const { ask } = await start();
  for (const host of ["127.0.0.1:8080", "[::1]:8080", "localhost", "LOCALHOST."])
    expect([host, (await ask("/v2/", host, ALICE)).status]).toEqual([host, 200]);
  expect((await ask("/v2/", "127.0.0.2", ALICE)).status).toBe(404);
});
