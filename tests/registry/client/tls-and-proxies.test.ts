import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { createServer, request as httpRequest } from "node:http";
import { connect } from "node:net";
import { proxyFor } from "../../../src/registry/client/proxies.ts";
import { CertificateAuthority } from "../../support/certificate-authority.ts";
import { afterThisTest } from "../../support/cleanup.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";
import { describeWith } from "../../support/tools.ts";
import { APP, clientOf, manifestResponse, startUpstream, V1 } from "./upstream.ts";

interface TestProxy {
  readonly url: string;
  /** What clients asked it for. */
  readonly asked: string[];
}

/** A proxy that connects every host to a port of this machine. */
async function startProxy(port: number, password?: string): Promise<TestProxy> {
  const asked: string[] = [];
  const isRefused = (header: string | undefined) =>
    password !== undefined && header !== `Basic ${Buffer.from(password).toString("base64")}`;
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const { pathname, search } = new URL(request.url ?? "");
    httpRequest(
      { port, host: "127.0.0.1", path: `${pathname}${search}`, headers: request.headers },
      (got) => {
        response.writeHead(got.statusCode ?? 0, got.headers);
        got.pipe(response);
      },
    ).end();
  });
  server.on("connect", (request, client) => {
    asked.push(`CONNECT ${request.url}`);
    client.on("error", () => {});
    if (isRefused(request.headers["proxy-authorization"])) {
      client.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
      return;
    }
    const upstream = connect(port, "127.0.0.1", () => {
      client.write("HTTP/1.1 200 OK\r\n\r\n");
      upstream.pipe(client).pipe(upstream);
    });
    upstream.on("error", () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  afterThisTest(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return { url: `127.0.0.1:${typeof address === "object" ? address?.port : 0}`, asked };
}

describeWith(["openssl"], "over TLS", () => {
  async function upstreamOf(host: string, days?: number) {
    const ca = await CertificateAuthority.make(temporaryDirectory());
    const { certificate, key } = await ca.issue(host, days);
    const upstream = startUpstream(() => manifestResponse(), { cert: certificate, key });
    const origin = upstream.origin.replace("127.0.0.1", "localhost");
    return { upstream, origin, ca: readFileSync(ca.certificate, "utf8") };
  }

  test("a certificate of the CA that was given is accepted", async () => {
    const { origin, ca } = await upstreamOf("localhost");
    expect((await clientOf(origin, { ca }).getManifest(APP, V1)).kind).toBe("found");
  });

  test("a certificate of an unknown CA, for other names, or expired, is a clear reason", async () => {
    const known = await upstreamOf("localhost");
    expect(await clientOf(known.origin).getManifest(APP, V1)).toEqual({
      kind: "unavailable",
      reason: `upstream ${known.origin}: its certificate is from an unknown CA; upstream-ca= names the certificate of its CA`,
    });
    const other = await upstreamOf("other.example");
    expect(await clientOf(other.origin, { ca: other.ca }).getManifest(APP, V1)).toEqual({
      kind: "unavailable",
      reason: `upstream ${other.origin}: its certificate is for other host names`,
    });
    const old = await upstreamOf("localhost", 0);
    expect(await clientOf(old.origin, { ca: old.ca }).getManifest(APP, V1)).toEqual({
      kind: "unavailable",
      reason: `upstream ${old.origin}: its certificate has expired`,
    });
  });

  test("a CA that can't be read is a clear reason", async () => {
    const { origin } = await upstreamOf("localhost");
    const ca = () => {
      throw new Error("the file of upstream-ca=/x can't be read");
    };
    expect(await clientOf(origin, { ca }).getManifest(APP, V1)).toEqual({
      kind: "invalid",
      reason: `upstream ${origin}: the file of upstream-ca=/x can't be read`,
    });
  });

  test("redirects and realms from https to http are refused", async () => {
    const ca = await CertificateAuthority.make(temporaryDirectory());
    const { certificate, key } = await ca.issue("localhost");
    const answers = [
      new Response(null, { status: 302, headers: { Location: "http://example.org/x" } }),
      new Response(null, {
        status: 401,
        headers: { "WWW-Authenticate": 'Bearer realm="http://localhost/token"' },
      }),
    ];
    const upstream = startUpstream(() => answers.shift() ?? manifestResponse(), { cert: certificate, key });
    const origin = upstream.origin.replace("127.0.0.1", "localhost");
    const client = clientOf(origin, { ca: readFileSync(ca.certificate, "utf8") });
    expect(await client.getManifest(APP, V1)).toEqual({
      kind: "invalid",
      reason: `upstream ${origin}: it redirects from https to http (example.org), which is refused`,
    });
    expect(await client.getManifest(APP, V1)).toEqual({
      kind: "invalid",
      reason: `upstream ${origin}: its token realm is http://localhost, without TLS`,
    });
  });

  test("certificates that are none fail a request, through a proxy too, and nothing else", async () => {
    const { upstream } = await upstreamOf("localhost");
    const { url, asked } = await startProxy(upstream.port);
    const ca = "no certificate";
    for (const [origin, environment] of [
      [`https://localhost:${upstream.port}`, {}],
      ["https://registry.example", { HTTPS_PROXY: url }],
    ] as const)
      expect(await clientOf(origin, { ca, environment }).getManifest(APP, V1)).toMatchObject({
        kind: "unavailable",
      });
    expect(asked.length).toBe(1);
  });

  test("a proxy is connected through, with its password, and does not weaken the check of the certificate", async () => {
    const { upstream, ca } = await upstreamOf("registry.example");
    const proxy = await startProxy(upstream.port, "user:p@ss");
    const environment = { HTTPS_PROXY: `http://user:p%40ss@${proxy.url}` };
    const found = await clientOf("https://registry.example", { ca, environment }).getManifest(APP, V1);
    expect(found.kind).toBe("found");
    expect(proxy.asked).toEqual(["CONNECT registry.example:443"]);
    const wrong = await clientOf("https://other.example", { ca, environment }).getManifest(APP, V1);
    expect(wrong).toMatchObject({ kind: "unavailable", reason: expect.stringContaining("other host names") });
    const refused = { HTTPS_PROXY: proxy.url };
    expect(
      await clientOf("https://registry.example", { ca, environment: refused }).getManifest(APP, V1),
    ).toEqual({
      kind: "unavailable",
      reason: `upstream https://registry.example: the proxy ${proxy.url} answers 407 to CONNECT`,
    });
  });
});

test("an upstream without TLS is asked through HTTP_PROXY", async () => {
  const upstream = startUpstream(() => manifestResponse());
  const proxy = await startProxy(upstream.port);
  const client = clientOf("http://registry.example:5000", { environment: { http_proxy: proxy.url } });
  expect((await client.getManifest(APP, V1)).kind).toBe("found");
  expect(proxy.asked).toEqual(["GET http://registry.example:5000/v2/team/app/manifests/v1"]);
});

test("through a proxy, a redirect to a private address is refused as well", async () => {
  const upstream = startUpstream(
    () => new Response(null, { status: 302, headers: { Location: "http://intern.example/" } }),
  );
  const proxy = await startProxy(upstream.port);
  const resolve = async () => ["10.1.2.3"];
  const client = clientOf("http://registry.example", { environment: { HTTP_PROXY: proxy.url }, resolve });
  expect(await client.getManifest(APP, V1)).toMatchObject({ kind: "invalid" });
  expect(proxy.asked.length).toBe(1);
});

test("a proxy that can't be reached, or is silent, is a clear reason", async () => {
  const environment = { HTTPS_PROXY: "127.0.0.1:1" };
  expect(await clientOf("https://registry.example", { environment }).getManifest(APP, V1)).toEqual({
    kind: "unavailable",
    reason: "upstream https://registry.example: the proxy 127.0.0.1:1 can't be reached",
  });
});

test.each([
  ["", "https://a.example/", true],
  ["*", "https://a.example/", false],
  ["a.example", "https://a.example/", false],
  ["a.example", "https://b.a.example/", false],
  ["a.example", "https://ba.example/", true],
  [".a.example", "https://a.example/", true],
  ["x, .a.example", "https://b.a.example/", false],
  ["a.example:5000", "https://a.example:5000/", false],
  ["a.example:5000", "https://a.example/", true],
  ["10.0.0.0/8", "https://10.1.2.3/", false],
  ["10.0.0.0/8", "https://11.1.2.3/", true],
  ["fd00::/8", "https://[fd00::1]/", false],
  ["", "https://localhost/", false],
  ["", "https://127.0.0.1/", false],
])("NO_PROXY='%s' for %s: uses the proxy: %p", (NO_PROXY, url, isUsed) => {
  const proxy = proxyFor(new URL(url), { HTTPS_PROXY: "proxy.example:3128", NO_PROXY });
  expect(proxy?.host).toBe(isUsed ? "proxy.example:3128" : undefined);
});
