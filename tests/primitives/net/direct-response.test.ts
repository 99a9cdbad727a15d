import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { DirectResponse } from "../../../src/primitives/net/direct-response.ts";
import { CertificateAuthority } from "../../support/certificate-authority.ts";
import { afterThisTest } from "../../support/cleanup.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";
import { describeWith } from "../../support/tools.ts";

function requestOf(port: number | undefined, headers: Record<string, string> = {}) {
  return {
    ...{ hostname: "127.0.0.1", port: port ?? 0, path: "/x" },
    headers: Object.entries({ Host: "storage.example", ...headers }),
  };
}

test("a header with a line break is not sent", async () => {
  let requests = 0;
  using server = Bun.serve({
    ...{ port: 0, hostname: "127.0.0.1" },
    fetch: () => new Response(String(++requests)),
  });
  const request = requestOf(server.port, { Range: "bytes=0-\r\nAuthorization: x" });
  await expect(DirectResponse.open(request, 1000)).rejects.toThrow("line break");
  expect(requests).toBe(0);
});

test("the body of a refusal can be read", async () => {
  using server = Bun.serve({
    ...{ port: 0, hostname: "127.0.0.1" },
    fetch: () => new Response("no", { status: 403, headers: { "X-Why": "so" } }),
  });
  const response = await DirectResponse.open(requestOf(server.port), 1000);
  expect([response.status, response.length, response.headers.get("x-why")]).toEqual([403, 2, "so"]);
  expect(Buffer.from((await response.read()).value ?? []).toString()).toBe("no");
  expect((await response.read()).done).toBe(true);
  expect(response.isComplete).toBe(true);
});

describeWith(["openssl"], "over TLS, to an address", () => {
  test("the certificate must have the name that the caller wants, and be of its CA", async () => {
    const ca = await CertificateAuthority.make(temporaryDirectory());
    const { certificate, key } = await ca.issue("storage.example");
    let requests = 0;
    const server = Bun.serve({
      ...{ port: 0, hostname: "127.0.0.1", tls: { cert: Bun.file(certificate), key: Bun.file(key) } },
      fetch: () => new Response(String(++requests)),
    });
    afterThisTest(() => server.stop(true));
    const known = [readFileSync(ca.certificate, "utf8")];
    const open = (serverName: string, cas?: string[]) =>
      DirectResponse.open({ ...requestOf(server.port), tls: { serverName, ca: cas } }, 1000);
    await expect(open("other.example", known)).rejects.toMatchObject({
      code: "ERR_TLS_CERT_ALTNAME_INVALID",
    });
    await expect(open("127.0.0.1", known)).rejects.toMatchObject({ code: "ERR_TLS_CERT_ALTNAME_INVALID" });
    await expect(open("storage.example")).rejects.toThrow();
    expect(requests).toBe(0);
    expect((await open("storage.example", known)).status).toBe(200);
  });
});
