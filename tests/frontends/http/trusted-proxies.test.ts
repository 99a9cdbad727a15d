import { describe, expect, test } from "bun:test";
import { isNetwork, TrustedProxies } from "../../../src/frontends/http/trusted-proxies.ts";

const request = (headers: Record<string, string>) => new Request("http://localhost/v2/", { headers });
const proxies = new TrustedProxies(["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"]);

describe("what a proxy says of the client", () => {
  test.each([
    ["10.1.2.3", { "X-Forwarded-For": "198.51.100.1" }, "198.51.100.1", undefined, undefined],
    ["::ffff:10.1.2.3", { "X-Forwarded-For": "198.51.100.1" }, "198.51.100.1", undefined, undefined],
    ["2001:db8::1", { "X-Forwarded-For": "2001:db9::1" }, "2001:db9::1", undefined, undefined],
    [
      "10.1.2.3",
      {
        "X-Forwarded-For": "203.0.113.9, 198.51.100.1, 192.0.2.7",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "a.test",
      },
      "198.51.100.1",
      "https",
      "a.test",
    ],
    [
      "10.1.2.3",
      { Forwarded: 'for=203.0.113.9, For="[2001:db9::1]:4711";proto=https;host="a.test:8443";by=10.1.2.3' },
      "2001:db9::1",
      "https",
      "a.test:8443",
    ],
    ["10.1.2.3", { Forwarded: "for=unknown;proto=https" }, "10.1.2.3", "https", undefined],
    [
      "10.1.2.3",
      { "X-Forwarded-For": "nonsense", "X-Forwarded-Proto": "gopher" },
      "10.1.2.3",
      undefined,
      undefined,
    ],
    ["10.1.2.3", {}, "10.1.2.3", undefined, undefined],
  ])("%s says %p", (peer, headers, address, scheme, host) => {
    const client = proxies.clientOf(request(headers as Record<string, string>), peer);
    expect({ ...client }).toEqual({ address, scheme, host } as never);
  });

  test.each(["11.0.0.1", "192.0.2.8", "unknown", "2001:db9::1"])(
    "is not believed when %s says it",
    (peer) => {
      const headers = { "X-Forwarded-For": "10.9.9.9", Forwarded: "for=10.9.9.9;proto=https" };
      expect(proxies.clientOf(request(headers), peer)).toBeUndefined();
    },
  );
});

test("a network is an address with or without the bits that count", () => {
  for (const good of ["10.0.0.0/8", "10.0.0.1", "::1", "2001:db8::/32", "0.0.0.0/0"])
    expect([good, isNetwork(good)]).toEqual([good, true]);
  for (const bad of ["10.0.0.0/33", "10.0.0/8", "example.org", "", "::/129", "10.0.0.0/8/8", "10.0.0.0/"])
    expect([bad, isNetwork(bad)]).toEqual([bad, false]);
});
