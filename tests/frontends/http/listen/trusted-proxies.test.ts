import { describe, expect, test } from "bun:test";
import { parseForwarded } from "../../../../src/frontends/http/listen/forwarded.ts";
import {
  isNetwork,
  type ProxySettings,
  TrustedProxies,
} from "../../../../src/frontends/http/listen/trusted-proxies.ts";

const request = (headers: Record<string, string>) => new Request("http://localhost/v2/", { headers });
const NETWORKS = ["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"];
const proxies = (settings: Partial<ProxySettings> = {}) =>
  new TrustedProxies({
    networks: NETWORKS,
    header: "x-forwarded-for",
    trustsScheme: true,
    trustsHost: true,
    ...settings,
  });

/** What comes, and which client that tells. */
type Told<T> = readonly [
  sent: T,
  address: string,
  scheme?: "http" | "https" | undefined,
  host?: string | undefined,
  port?: number | undefined,
];

const PEER = "10.1.2.3";

describe("the client in X-Forwarded-For", () => {
  const told: readonly Told<Record<string, string>>[] = [
    [{ "X-Forwarded-For": "198.51.100.1" }, "198.51.100.1"],
    [{ "X-Forwarded-For": "2001:db9::1" }, "2001:db9::1"],
    [{ "X-Forwarded-For": "::ffff:198.51.100.1" }, "198.51.100.1"],
    [{ "X-Forwarded-For": "198.51.100.1:4711" }, "198.51.100.1"],
    [{ "X-Forwarded-For": "[2001:db9::1]:4711" }, "2001:db9::1"],
    // The first one from the right that is no proxy of ours.
    [{ "X-Forwarded-For": "203.0.113.9, 198.51.100.1, 192.0.2.7" }, "198.51.100.1"],
    [{ "X-Forwarded-For": "10.0.0.1, 10.0.0.2" }, "10.0.0.1"],
    // Scheme and host are told once or for each hop.
    [
      {
        "X-Forwarded-For": "198.51.100.1, 192.0.2.7",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "a.test",
      },
      "198.51.100.1",
      "https",
      "a.test",
    ],
    [
      { "X-Forwarded-For": "9.9.9.9, 198.51.100.1", "X-Forwarded-Proto": "http, HTTPS" },
      "198.51.100.1",
      "https",
    ],
    [
      { "X-Forwarded-For": "198.51.100.1, 192.0.2.7", "X-Forwarded-Proto": "gopher, https, http" },
      "198.51.100.1",
      "https",
    ],
    [{ "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.test, a.test" }, PEER, "https", "a.test"],
    // The port is that of the hop whose scheme and host count.
    [
      { "X-Forwarded-For": "198.51.100.1", "X-Forwarded-Port": "8443" },
      "198.51.100.1",
      undefined,
      undefined,
      8443,
    ],
    [
      { "X-Forwarded-For": "198.51.100.1, 192.0.2.7", "X-Forwarded-Port": "8443, 81" },
      "198.51.100.1",
      undefined,
      undefined,
      8443,
    ],
    [
      {
        "X-Forwarded-For": "198.51.100.1, 192.0.2.7",
        "X-Forwarded-Proto": "https, http",
        "X-Forwarded-Port": "81",
      },
      "198.51.100.1",
      "https",
    ],
    [
      {
        "X-Forwarded-For": "198.51.100.1, 192.0.2.7",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Port": "8443",
      },
      "198.51.100.1",
      "https",
      undefined,
      8443,
    ],
    [{ "X-Forwarded-Port": "1, 8443" }, PEER, undefined, undefined, 8443],
    [{ "X-Forwarded-Port": "65536" }, PEER],
    // What can't be read, or too long a list: the proxy itself.
    [{ "X-Forwarded-For": "nonsense", "X-Forwarded-Proto": "gopher" }, PEER],
    [{ "X-Forwarded-For": "198.51.100.1, nonsense" }, PEER],
    [{ "X-Forwarded-For": "198.51.100.1, nonsense, 10.0.0.1" }, "10.0.0.1"],
    [{ "X-Forwarded-For": "198.51.100.1," }, PEER],
    [{ "X-Forwarded-For": "unknown" }, PEER],
    [{ "X-Forwarded-For": `198.51.100.1${", 10.0.0.1".repeat(40)}` }, "10.0.0.1"],
    [{ Forwarded: "for=198.51.100.1;proto=https;host=a.test" }, PEER],
    [{ "X-Real-IP": "198.51.100.1" }, PEER],
    [{}, PEER],
  ];
  for (const [headers, address, scheme, host, port] of told)
    test(JSON.stringify(headers).slice(0, 120), () => {
      expect({ ...proxies().clientOf(request(headers), PEER) }).toEqual({ address, scheme, host, port });
    });
});

describe("the client in Forwarded", () => {
  const told: readonly Told<string>[] = [
    [
      'for=203.0.113.9, For="[2001:db9::1]:4711";proto=https;host="a.test:8443";by=10.1.2.3',
      "2001:db9::1",
      "https",
      "a.test:8443",
    ],
    ["for=198.51.100.1:80 ; proto=http,for=10.0.0.1", "198.51.100.1", "http"],
    ["for=unknown;proto=https", PEER, "https"],
    ["for=_hidden", PEER],
    // A comma or a semicolon in quotes ends nothing, so that a host can't begin another element.
    ['for=198.51.100.1;host="a, for=203.0.113.9"', "198.51.100.1", undefined, "a, for=203.0.113.9"],
    ['for=198.51.100.1;host="a\\", for=203.0.113.9"', "198.51.100.1", undefined, 'a", for=203.0.113.9'],
    // Malformed as a whole, whoever wrote it.
    ['for="x, for=198.51.100.1', PEER],
    ["for=203.0.113.9 for=198.51.100.1", PEER],
    ["for=203.0.113.9;for=198.51.100.1", PEER],
    ["for", PEER],
    ["for=, for=198.51.100.1", PEER],
    ["", PEER],
  ];
  for (const [header, address, scheme, host] of told)
    test(JSON.stringify(header), () => {
      const headers = {
        Forwarded: header,
        "X-Forwarded-For": "203.0.113.66",
        "X-Forwarded-Host": "evil.test",
      };
      const client = proxies({ header: "forwarded" }).clientOf(request(headers), PEER);
      expect({ ...client }).toEqual({ address, scheme, host });
    });

  test("is found in a header of any length", () => {
    const hops = (piece: string) => parseForwarded(piece.repeat(50_000))?.length;
    expect(hops("for=1.1.1.1,")).toBe(50_000);
    expect(hops(",")).toBe(0);
    expect(hops(";")).toBe(0);
    expect(hops("for=a;")).toBeUndefined();
    expect(hops('for="')).toBeUndefined();
    expect(hops('for="\\"')).toBeUndefined();
  });
});

test("the client's address can come in any configured header", () => {
  const client = proxies({ header: "x-real-ip" }).clientOf(
    request({
      "X-Real-IP": "198.51.100.1",
      "X-Forwarded-For": "203.0.113.66",
      Forwarded: "for=203.0.113.66",
    }),
    PEER,
  );
  expect(client?.address).toBe("198.51.100.1");
});

test("scheme and host are trusted only if configured", () => {
  const headers = {
    "X-Forwarded-For": "198.51.100.1",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "a.test",
    "X-Forwarded-Port": "8443",
    Forwarded: "for=198.51.100.1;proto=https;host=a.test",
  };
  for (const header of ["x-forwarded-for", "forwarded"]) {
    const told = (trustsScheme: boolean, trustsHost: boolean) => ({
      ...proxies({ header, trustsScheme, trustsHost }).clientOf(request(headers), PEER),
    });
    const address = "198.51.100.1";
    const port = header === "forwarded" ? undefined : 8443;
    expect(told(false, false)).toEqual({ address, scheme: undefined, host: undefined, port: undefined });
    expect(told(true, false)).toEqual({ address, scheme: "https", host: undefined, port });
    expect(told(false, true)).toEqual({ address, scheme: undefined, host: "a.test", port });
  }
});

test("headers of untrusted peers are ignored", () => {
  const headers = { "X-Forwarded-For": "10.9.9.9", Forwarded: "for=10.9.9.9;proto=https" };
  for (const peer of ["11.0.0.1", "192.0.2.8", "unknown", "2001:db9::1", "::ffff:11.0.0.1"])
    expect(proxies().clientOf(request(headers), peer)).toBeUndefined();
  expect(proxies().includes("::ffff:10.1.2.3")).toBe(true);
});

test("a network is an address, with or without a prefix length", () => {
  for (const good of ["10.0.0.0/8", "10.0.0.1", "::1", "2001:db8::/32", "0.0.0.0/0"])
    expect([good, isNetwork(good)]).toEqual([good, true]);
  for (const bad of ["10.0.0.0/33", "10.0.0/8", "example.org", "", "::/129", "10.0.0.0/8/8", "10.0.0.0/"])
    expect([bad, isNetwork(bad)]).toEqual([bad, false]);
});
