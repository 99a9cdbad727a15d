import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import {
  certificateWarnings,
  hostWarnings,
} from "../../../../src/frontends/http/listen/certificate-warnings.ts";
import { makeCertificate } from "../../../support/certificate.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";
import { describeWith } from "../../../support/tools.ts";

const DAY_MS = 86_400_000;

async function served(names: readonly string[], kind?: Parameters<typeof makeCertificate>[3]) {
  const { certificate } = await makeCertificate(temporaryDirectory(), "one", names, kind);
  return { path: "one.pem", names, certificate: readFileSync(certificate, "utf8") };
}

describeWith(["openssl"], "warnings of a certificate", () => {
  test("tell of its time", async () => {
    const certificate = await served(["localhost"]);
    expect(certificateWarnings(certificate, Date.now())).toEqual([]);
    expect(certificateWarnings(certificate, Date.now() + 3 * DAY_MS)).toEqual([
      expect.stringMatching(/^the certificate in one\.pem expired on .* GMT: most clients refuse it$/),
    ]);
    expect(certificateWarnings(certificate, Date.now() - DAY_MS)).toEqual([
      expect.stringMatching(
        /^the certificate in one\.pem is not valid before .* GMT: most clients refuse it$/,
      ),
    ]);
  });

  test("tell of a weak signature", async () => {
    expect(certificateWarnings(await served(["localhost"], "sha1"), Date.now())).toEqual([
      "the certificate in one.pem is signed with sha1WithRSAEncryption: most clients refuse it",
    ]);
    expect(certificateWarnings(await served(["localhost"], "rsa"), Date.now())).toEqual([]);
  });

  test("tell of a certificate whose subject alternative names are no hosts", async () => {
    for (const names of [[], ["admin@example.org"]])
      expect(certificateWarnings(await served(names), Date.now())).toEqual([
        "the certificate in one.pem has no subject alternative name: most clients refuse it",
      ]);
    expect(certificateWarnings(await served(["192.0.2.1"]), Date.now())).toEqual([]);
  });

  test("tell of the hosts that it does not name, by wildcards and addresses too", async () => {
    const certificate = await served(["*.example.org", "example.org", "192.0.2.1", "2001:db8::1"]);
    const warnings = (...hosts: readonly string[]) => hostWarnings([certificate], hosts).length;
    for (const host of ["example.org", "a.example.org", "*.example.org", "192.0.2.1", "[2001:db8::1]"])
      expect([host, warnings(host)]).toEqual([host, 0]);
    for (const host of ["a.b.example.org", "*.a.example.org", "example.net", "192.0.2.2", "[::2]"])
      expect([host, warnings(host, "example.org")]).toEqual([host, 1]);
    expect(warnings("example.org", "localhost", "127.0.0.1")).toBe(0);
    expect(warnings("localhost")).toBe(1);
    expect(warnings("*", "example.net")).toBe(0);
    expect(warnings()).toBe(0);
  });
});
