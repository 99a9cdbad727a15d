import { expect, test } from "bun:test";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:tls";
import { resolveServerConfig } from "../../../../src/config/server-config.ts";
import { makeCertificate, tlsFlags } from "../../../support/certificate.ts";
import { eventually } from "../../../support/eventually.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";
import { startTestServer } from "../../../support/test-server.ts";
import { describeWith, run } from "../../../support/tools.ts";

/** The common name of the certificate that is served for `servername`. */
function servedName(port: number, servername: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port, servername, rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    });
    socket.on("error", reject);
  });
}

/** A request to `host` over a connection of its own; the certificate is not looked at. */
function ask(url: string, host: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, {
    redirect: "manual",
    keepalive: false,
    headers: { Host: host, Connection: "close", ...headers },
    tls: { rejectUnauthorized: false },
  });
}

describeWith(["openssl"], "TLS", () => {
  test("each host gets its own certificate, and a client without SNI gets the first", async () => {
    const dir = temporaryDirectory();
    const certificates = [
      await makeCertificate(dir, "first", ["localhost"]),
      await makeCertificate(dir, "second", ["team.test", "*.wild.test"]),
    ];
    const { server } = await startTestServer(tlsFlags(certificates));
    const port = server.https?.port ?? 0;
    expect(await servedName(port, "localhost")).toBe("first");
    expect(await servedName(port, "team.test")).toBe("second");
    expect(await servedName(port, "a.wild.test")).toBe("second");
    expect(await servedName(port, "other.test")).toBe("first");
    const response = await ask(`https://127.0.0.1:${port}/v2/`, "localhost");
    expect(response.status).toBe(401);
  });

  test.concurrent.each(["1", "3"])(
    "with %p threads a renewed certificate is served, and requests under way finish",
    async (workers) => {
      const dir = temporaryDirectory();
      const old = await makeCertificate(dir, "old", ["localhost"]);
      const renewed = await makeCertificate(dir, "new", ["localhost"]);
      const { server, logged } = await startTestServer([...tlsFlags([old]), "--http-workers", workers]);
      const port = server.https?.port ?? 0;
      expect(await servedName(port, "localhost")).toBe("old");
      let finish = (): void => undefined;
      const headers = { Authorization: `Basic ${btoa("alice:change-me")}` };
      const base = `https://127.0.0.1:${port}`;
      const init = { headers: { Host: "localhost", ...headers }, tls: { rejectUnauthorized: false } };
      const session = await fetch(`${base}/v2/app/blobs/uploads/`, { ...init, method: "POST" });
      const upload = `${base}${session.headers.get("Location")}`;
      const slow = fetch(upload, {
        ...init,
        method: "PATCH",
        body: new ReadableStream({
          start(controller) {
            controller.enqueue(new Uint8Array(100_000));
            finish = () => {
              controller.enqueue(new Uint8Array(100_000));
              controller.close();
            };
          },
        }),
      });
      const isWritten = async () => (await fetch(upload, init)).headers.get("Range") === "0-99999";
      expect(await eventually(isWritten)).toBe(true);
      copyFileSync(renewed.key, old.key);
      copyFileSync(renewed.certificate, old.certificate);
      // The runtime cuts off a handshake that is under way when the old listener ends.
      const isRenewed = () =>
        servedName(port, "localhost").then(
          (name) => name === "new",
          () => false,
        );
      // On whichever thread a connection comes to.
      const isRenewedEverywhere = async () => {
        for (let i = 0; i < 10; i++) if (!(await isRenewed())) return false;
        return true;
      };
      expect(await eventually(isRenewedEverywhere)).toBe(true);
      finish();
      const response = await slow;
      expect([response.status, response.headers.get("Range")]).toEqual([202, "0-199999"]);
      expect(logged.filter((line) => line.includes("certificate"))).toEqual([
        "info the certificate of localhost was replaced",
      ]);
    },
  );

  test("TLS 1.2 is offered only with forward secrecy and authenticated encryption, and older versions are not", async () => {
    const dir = temporaryDirectory();
    const ecdsa = await makeCertificate(dir, "ecdsa", ["localhost"]);
    const rsa = await makeCertificate(dir, "rsa", ["localhost"], "rsa");
    for (const [kind, certificate] of [
      ["ECDSA", ecdsa],
      ["RSA", rsa],
    ] as const) {
      const { server } = await startTestServer(tlsFlags([certificate]));
      const speaks = async (...options: readonly string[]) => {
        const target = `127.0.0.1:${server.https?.port}`;
        const { code } = await run(["openssl", "s_client", "-connect", target, ...options], { stdin: "" });
        return code === 0;
      };
      expect(await speaks("-tls1_3")).toBe(true);
      expect(await speaks("-tls1_1", "-cipher", "ALL:@SECLEVEL=0")).toBe(false);
      const ciphers = {
        [`ECDHE-${kind}-AES128-GCM-SHA256`]: true,
        [`ECDHE-${kind}-AES256-GCM-SHA384`]: true,
        [`ECDHE-${kind}-CHACHA20-POLY1305`]: true,
        [`ECDHE-${kind}-AES128-SHA`]: false,
        [`ECDHE-${kind}-AES256-SHA`]: false,
        [`ECDHE-${kind}-AES128-SHA256`]: false,
        [`ECDHE-${kind}-AES256-SHA384`]: false,
        "AES128-GCM-SHA256": false,
        "AES128-SHA": false,
        "AES256-SHA": false,
      };
      for (const [cipher, isSpoken] of Object.entries(ciphers))
        expect([cipher, await speaks("-tls1_2", "-cipher", `${cipher}:@SECLEVEL=0`)]).toEqual([
          cipher,
          isSpoken,
        ]);
    }
  }, 20_000);

  test("responses over HTTPS have Strict-Transport-Security, and those over HTTP do not", async () => {
    const certificate = await makeCertificate(temporaryDirectory(), "one", ["localhost"]);
    const hsts = async (flags: readonly string[]) => {
      const { server, httpPort } = await startTestServer([...tlsFlags([certificate]), ...flags]);
      const origins = [`https://127.0.0.1:${server.https?.port}`, `http://127.0.0.1:${httpPort}`];
      const headers = [];
      for (const origin of origins)
        for (const [path, host] of [
          ["/v2/", "localhost"],
          ["/token", "localhost"],
          ["/v2/", "other.test"],
        ] as const)
          headers.push((await ask(`${origin}${path}`, host)).headers.get("Strict-Transport-Security"));
      return headers;
    };
    const days = "max-age=15552000";
    expect(await hsts([])).toEqual([days, days, days, null, null, null]);
    expect((await hsts(["--frontend-http-hsts", "1h"]))[0]).toBe("max-age=3600");
    expect((await hsts(["--frontend-http-hsts", "never"]))[0]).toBeNull();
    expect(() => resolveServerConfig(["--frontend-http-hsts", "soon"], {})).toThrow("a time such as 180d");
  }, 20_000);

  test.concurrent("unusable certificate files are logged, and the old certificate stays in use", async () => {
    const dir = temporaryDirectory();
    const good = await makeCertificate(dir, "good", ["localhost"]);
    const { server, logged } = await startTestServer(tlsFlags([good]));
    writeFileSync(good.certificate, "nonsense");
    await eventually(() => logged.join("\n").includes("the old certificates stay in use"));
    expect(logged.join("\n")).toInclude(`${good.certificate} does not contain a PEM certificate`);
    expect(await servedName(server.https?.port ?? 0, "localhost")).toBe("good");
  });

  test("a certificate that clients may refuse is served, and the start says why they may", async () => {
    const dir = temporaryDirectory();
    const bare = await makeCertificate(dir, "localhost", []);
    const weak = await makeCertificate(dir, "weak", ["team.test"], "rsa1024");
    const { server, logged } = await startTestServer([
      ...tlsFlags([weak, bare]),
      ...["--backend-oci-http-vhost", "registry.test", "--backend-oci-http-vhost", "localhost"],
    ]);
    const port = server.https?.port ?? 0;
    expect(await servedName(port, "localhost")).toBe("localhost");
    expect(await servedName(port, "team.test")).toBe("weak");
    expect((await ask(`https://127.0.0.1:${port}/v2/`, "localhost")).status).toBe(401);
    expect(logged).toEqual([
      `warn the certificate in ${weak.certificate} has an RSA key of only 1024 bits: most clients refuse it`,
      `warn the certificate in ${bare.certificate} has no subject alternative name: most clients refuse it`,
      "warn no certificate names the host 'registry.test': clients refuse its HTTPS",
      `warn the certificate in ${weak.certificate} is for team.test, but registries have the hosts registry.test, localhost`,
    ]);
  });

  test("a certificate without subject and without names is served", async () => {
    const nameless = await makeCertificate(temporaryDirectory(), "nameless", [], "ecdsa", "/");
    const { server, logged } = await startTestServer(tlsFlags([nameless]));
    const port = server.https?.port ?? 0;
    expect((await ask(`https://127.0.0.1:${port}/v2/`, "localhost")).status).toBe(401);
    expect(logged).toEqual([
      `warn the certificate in ${nameless.certificate} has no subject alternative name: most clients refuse it`,
      `warn the certificate in ${nameless.certificate} is for no host, but registries have the hosts localhost`,
    ]);
  });

  test.concurrent("a renewed certificate that clients may refuse is served, and the log says why they may", async () => {
    const dir = temporaryDirectory();
    const old = await makeCertificate(dir, "old", ["localhost"]);
    const bare = await makeCertificate(dir, "bare", []);
    const { server, logged } = await startTestServer(tlsFlags([old]));
    copyFileSync(bare.key, old.key);
    copyFileSync(bare.certificate, old.certificate);
    expect(await eventually(() => logged.length >= 3)).toBe(true);
    // The kernel resets connections that wait at the old listener when it closes.
    const served = () => servedName(server.https?.port ?? 0, "localhost").catch(() => undefined);
    const isServed = async () => (await served()) === "bare";
    expect(await eventually(isServed)).toBe(true);
    expect(logged).toEqual([
      "info the certificate of bare was replaced",
      `warn the certificate in ${old.certificate} has no subject alternative name: most clients refuse it`,
      `warn the certificate in ${old.certificate} is for bare, but registries have the hosts localhost`,
    ]);
  });

  test("a key that TLS can't use fails the start with its kind, and a chain in the wrong order with the right one", async () => {
    const dir = temporaryDirectory();
    const start = (flags: readonly string[]) => startTestServer(flags).then(String, (error) => error.message);
    const remedy = "which TLS can't use; use RSA with 2048 bits or more, or ECDSA with P-256, P-384 or P-521";
    const curve = await makeCertificate(dir, "curve", ["localhost"], "p224");
    expect(await start(tlsFlags([curve]))).toBe(
      `the key in ${curve.key} is of the kind secp224r1, ${remedy}`,
    );
    const short = await makeCertificate(dir, "short", ["localhost"], "rsa512");
    expect(await start(tlsFlags([short]))).toBe(
      `the key in ${short.key} is an RSA key of 512 bits, ${remedy}`,
    );
    const [own, issuer] = [
      await makeCertificate(dir, "own", ["localhost"]),
      await makeCertificate(dir, "ca", []),
    ];
    const texts = [issuer, own].map(({ certificate }) => readFileSync(certificate, "utf8"));
    writeFileSync(own.certificate, texts.join(""));
    expect(await start(tlsFlags([own]))).toBe(
      `the key in ${own.key} does not belong to the certificate in ${own.certificate}; the server's own certificate must be the first in that file`,
    );
  });

  test("the error message names a key of another certificate, a missing file or a missing flag", async () => {
    const dir = temporaryDirectory();
    const one = await makeCertificate(dir, "one", ["localhost"]);
    const two = await makeCertificate(dir, "two", ["localhost"]);
    const start = (flags: readonly string[]) => startTestServer(flags).then(String, (error) => error.message);
    expect(await start(tlsFlags([{ ...one, key: two.key }]))).toBe(
      `the key in ${two.key} does not belong to the certificate in ${one.certificate}`,
    );
    expect(await start(tlsFlags([{ ...one, key: `${dir}/none` }]))).toStartWith(`${dir}/none can't be read`);
    expect(await start(["--frontend-http-listen-https", "127.0.0.1:0"])).toInclude(
      "needs --frontend-http-tls-certificate",
    );
    expect(await start(["--frontend-http-redirect"])).toInclude("needs --frontend-http-listen-https");
    expect(readFileSync(one.key, "utf8")).toInclude("PRIVATE KEY");
  });

  test("plain HTTP can redirect to HTTPS, but not for clients whose proxy already uses HTTPS", async () => {
    const certificate = await makeCertificate(temporaryDirectory(), "one", ["localhost"]);
    const { server, httpPort } = await startTestServer([
      ...tlsFlags([certificate]),
      ...["--frontend-http-redirect", "--frontend-http-trusted-proxy", "127.0.0.0/8"],
      "--frontend-http-proxy-scheme",
    ]);
    const url = `http://127.0.0.1:${httpPort}/v2/app/tags/list?n=1`;
    const response = await ask(url, `localhost:${httpPort}`);
    expect([response.status, response.headers.get("Location")]).toEqual([
      308,
      `https://localhost:${server.https?.port}/v2/app/tags/list?n=1`,
    ]);
    expect((await ask(url, "other.test")).status).toBe(404);
    const proxied = await ask(url, "localhost", { "X-Forwarded-Proto": "https" });
    expect(proxied.status).toBe(401);
  });
});
