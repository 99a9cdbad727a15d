import { expect, test } from "bun:test";
import { ProxyHints } from "../../../../src/frontends/http/listen/proxy-hints.ts";

const request = (headers: Record<string, string> = {}) => new Request("http://localhost/v2/", { headers });

function start() {
  const warnings: string[] = [];
  const settings = { networks: [], header: "x-forwarded-for", trustsScheme: false, trustsHost: false };
  return { warnings, hints: new ProxyHints(settings, (_, message) => void warnings.push(message)) };
}

test("headers from an untrusted proxy cause a warning, at the first request or after many others", () => {
  for (const before of [0, 50_000]) {
    const { hints, warnings } = start();
    for (let i = 0; i < before; i++) hints.noteUntrusted(request(), () => "192.0.2.1");
    expect(warnings).toEqual([]);
    for (let i = 0; i < 1000; i++)
      hints.noteUntrusted(request({ Forwarded: "for=192.0.2.9" }), () => "192.0.2.1");
    expect(warnings.length).toBe(1);
  }
});

test("a warning names each ignored header of an untrusted proxy, and its address without IPv6 mapping", () => {
  const { hints, warnings } = start();
  hints.noteUntrusted(
    request({ "X-Forwarded-Proto": "https", "X-Forwarded-Port": "443" }),
    () => "::ffff:192.0.2.1",
  );
  expect(warnings).toEqual([
    "X-Forwarded-Proto, X-Forwarded-Port from 192.0.2.1 is ignored, because it is no trusted proxy; if it is your proxy, set --frontend-http-trusted-proxy 192.0.2.1",
  ]);
});

test("a warning tells with which setting a trusted proxy's port would count", () => {
  const { hints, warnings } = start();
  hints.noteTrusted(request({ "X-Forwarded-For": "192.0.2.9", "X-Forwarded-Port": "8443" }), "192.0.2.1");
  expect(warnings).toEqual([
    "headers of the proxy 192.0.2.1 are ignored: the port (trusted with either of --frontend-http-proxy-scheme and --frontend-http-proxy-host)",
  ]);
});
