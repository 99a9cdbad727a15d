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
