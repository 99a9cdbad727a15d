import { expect, test } from "bun:test";
import { resolveServerConfig } from "../../../../src/config/server-config.ts";
import { startTestServer } from "../../../support/test-server.ts";

const BEHIND = ["--frontend-http-trusted-proxy", "127.0.0.1", "--backend-oci-http-vhost", "public.test"];
/** Headers that a client may forge. */
const FORGED = {
  Forwarded: "for=203.0.113.66;proto=https;host=public.test",
  "X-Forwarded-Host": "public.test",
  "X-Forwarded-Proto": "https",
  "X-Real-IP": "203.0.113.66",
};

async function start(flags: readonly string[]) {
  const { httpPort, logged, server } = await startTestServer(flags);
  const ask = async (headers: Record<string, string>, host = "public.test") =>
    fetch(`http://127.0.0.1:${httpPort}/v2/`, { headers: { Host: host, ...headers } });
  /** Fails enough logins to lock the address that they count for. */
  const lock = async (headers: Record<string, string>, host?: string) => {
    // Different ones: a password that is repeated counts once.
    const wrong = (i: number) => ({ ...headers, Authorization: `Basic ${btoa(`alice:wrong${i}`)}` });
    await Promise.all(Array.from({ length: 12 }, (_, i) => ask(wrong(i), host).then((r) => r.text())));
  };
  const status = async (headers: Record<string, string>, host?: string) => {
    const response = await ask({ ...headers, Authorization: `Basic ${btoa("alice:change-me")}` }, host);
    return response.status;
  };
  return { ask, lock, status, logged, server, httpPort };
}

test("failed logins count for the address that the proxy appended, whatever the client sent before it", async () => {
  const { lock, status } = await start(BEHIND);
  await lock({ ...FORGED, "X-Forwarded-For": "203.0.113.66, 198.51.100.1" });
  expect(await status({ "X-Forwarded-For": "198.51.100.1" })).toBe(429);
  expect(await status({ "X-Forwarded-For": "203.0.113.66" })).toBe(200);
}, 20_000);

test("failed logins behind a malformed address list count for the proxy", async () => {
  const { lock, status } = await start(BEHIND);
  await lock({ "X-Forwarded-For": "198.51.100.1, nonsense" });
  expect(await status({ "X-Forwarded-For": "more nonsense" })).toBe(429);
  expect(await status({ "X-Forwarded-For": "198.51.100.1" })).toBe(200);
}, 20_000);

test("a client can't choose another registry or scheme by a header that its proxy does not set", async () => {
  const { ask } = await start(BEHIND);
  expect(await (await ask({ "X-Forwarded-For": "198.51.100.1", ...FORGED }, "inner")).text()).toContain(
    "at the host 'inner'",
  );
  const named = await start([
    ...BEHIND,
    "--frontend-http-proxy-header",
    "forwarded",
    "--frontend-http-proxy-host",
  ]);
  const xForwarded = { "X-Forwarded-For": "198.51.100.1", "X-Forwarded-Host": "public.test" };
  expect(await (await named.ask(xForwarded, "inner")).text()).toContain("at the host 'inner'");
});

test("scheme and host are those that the proxy sends, if it is configured as trusted for them", async () => {
  const { server, httpPort } = await startTestServer([
    ...BEHIND,
    ...["--frontend-http-proxy-scheme", "--frontend-http-proxy-host"],
  ]);
  expect(server.http?.port).toBe(httpPort);
  const forwarded = {
    Host: "inner",
    "X-Forwarded-For": "198.51.100.1",
    "X-Forwarded-Host": "public.test",
    "X-Forwarded-Proto": "https",
  };
  const response = await fetch(`http://127.0.0.1:${httpPort}/v2/`, { headers: forwarded });
  expect(response.status).toBe(401);
});

const ORIGINS: readonly (readonly [sent: Record<string, string>, origin: string])[] = [
  [{}, "http://public.test"],
  [{ "X-Forwarded-Proto": "https" }, "https://public.test"],
  [{ "X-Forwarded-Proto": "https", "X-Forwarded-Port": "8443" }, "https://public.test:8443"],
  [{ "X-Forwarded-Proto": "https", "X-Forwarded-Port": "443" }, "https://public.test"],
  [{ "X-Forwarded-Proto": "http", "X-Forwarded-Port": "80" }, "http://public.test"],
  // The port behind a proxy that ends TLS.
  [{ "X-Forwarded-Proto": "https", "X-Forwarded-Port": "80" }, "https://public.test"],
  [{ "X-Forwarded-Port": "nonsense" }, "http://public.test"],
  [{ "X-Forwarded-Port": "0" }, "http://public.test"],
  [{ "X-Forwarded-Port": "65536" }, "http://public.test"],
  // The port that the client wrote counts.
  [{ Host: "public.test:8081", "X-Forwarded-Port": "8443" }, "http://public.test:8081"],
  [{ Host: "inner", "X-Forwarded-Host": "public.test:8444" }, "http://public.test:8444"],
  [
    { Host: "inner:1", "X-Forwarded-Host": "public.test", "X-Forwarded-Port": "8443" },
    "http://public.test:8443",
  ],
  // Lists: without a second trusted proxy, the last entry counts.
  [{ "X-Forwarded-Proto": "http, https", "X-Forwarded-Port": "80, 8443" }, "https://public.test:8443"],
  [{ "X-Forwarded-Proto": "https,http" }, "http://public.test"],
];

test("the challenge names the origin that the client used, as its trusted proxy reports it", async () => {
  const trusted = ["--frontend-http-proxy-scheme", "--frontend-http-proxy-host"];
  const { httpPort } = await startTestServer(["--frontend-http-trusted-proxy", "127.0.0.1", ...trusted]);
  const found = [];
  for (const [sent] of ORIGINS) {
    const headers = { Host: "public.test", "X-Forwarded-For": "198.51.100.1", ...sent };
    // At a host that no registry has, the challenge is always one with an address.
    const response = await fetch(`http://127.0.0.1:${httpPort}/v2/`, { headers });
    const [, realm] = response.headers.get("WWW-Authenticate")?.match(/realm="([^"]*)"/) ?? [];
    found.push([sent, realm]);
  }
  expect(found).toEqual(ORIGINS.map(([sent, origin]) => [sent, `${origin}/token`]));
});

test.each(["1", "3"])(
  "with %p threads one warning tells of a client that names another, however many come",
  async (workers) => {
    const { ask, logged } = await start(["--http-workers", workers]);
    for (let i = 0; i < 20; i++)
      await ask({ "X-Forwarded-For": "203.0.113.66", Connection: "close" }, "localhost").then((r) =>
        r.text(),
      );
    const warnings = logged.filter((line) => line.includes("X-Forwarded-For"));
    expect(warnings).toEqual([
      "warn X-Forwarded-For from 127.0.0.1 is ignored, because it is no trusted proxy; if it is your proxy, set --frontend-http-trusted-proxy 127.0.0.1",
    ]);
  },
  20_000,
);

test("one warning lists the ignored headers of a trusted proxy", async () => {
  const { ask, logged } = await start(BEHIND);
  for (let i = 0; i < 3; i++) await ask({ "X-Forwarded-For": "198.51.100.1", "X-Forwarded-Proto": "https" });
  expect(logged.filter((line) => line.includes("ignored"))).toEqual([
    "warn headers of the proxy 127.0.0.1 are ignored: the scheme (trusted with --frontend-http-proxy-scheme)",
  ]);
  const other = await start(BEHIND);
  await other.ask({ Forwarded: "for=198.51.100.1" });
  expect(other.logged.join("\n")).toContain("set by --frontend-http-proxy-header");
});

test("proxy settings require a trusted proxy, and the proxy header must be a valid header name", () => {
  const fault = (...args: string[]) => {
    try {
      resolveServerConfig(args, {});
      return "";
    } catch (error) {
      return error instanceof Error ? error.message : "";
    }
  };
  for (const flag of [
    "--frontend-http-proxy-header=forwarded",
    "--frontend-http-proxy-scheme",
    "--frontend-http-proxy-host",
  ])
    expect(fault(flag)).toContain("needs --frontend-http-trusted-proxy <network>");
  expect(fault("--frontend-http-trusted-proxy=10.0.0.1", "--frontend-http-proxy-header=x forwarded")).toBe(
    "--frontend-http-proxy-header must be the name of a header, such as x-forwarded-for, not 'x forwarded'",
  );
});
