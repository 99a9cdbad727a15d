import { expect, test } from "bun:test";
import { chmodSync, writeFileSync } from "node:fs";
import { binary } from "../support/binary.ts";
import { CertificateAuthority } from "../support/certificate-authority.ts";
import { addAlice, startEverlock } from "../support/everlock.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { NODE_ENV, nodeArgs } from "../support/s3-cluster.ts";
import { startS3Server, TEST_KEYS } from "../support/s3-server.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { describeWith, run } from "../support/tools.ts";

describeWith(["versitygw", "openssl", "ssh", "sshpass"], "a node over an object store with TLS", () => {
  test("trusts the CA that it is given, and says in one line what is wrong with the certificate otherwise", async () => {
    const [ca, otherCa] = await Promise.all([
      CertificateAuthority.make(temporaryDirectory()),
      CertificateAuthority.make(temporaryDirectory()),
    ]);
    const location = await startS3Server("registry", await ca.issue("localhost"));

    const keys = `${temporaryDirectory()}/keys`;
    const { accessKeyId, secretAccessKey } = TEST_KEYS;
    writeFileSync(
      keys,
      `[default]\naws_access_key_id=${accessKeyId}\naws_secret_access_key=${secretAccessKey}\n`,
    );
    chmodSync(keys, 0o644);
    const node = await startEverlock({
      args: [...nodeArgs(location), "--storage-ca", ca.certificate, "--storage-credentials", keys],
    });
    expect(node.log()).toContain(
      `warn  --storage-credentials: ${keys} is readable by other users; run 'chmod 600 ${keys}'`,
    );
    await addAlice(node);
    const client = new RegistryClient(node.httpPort, "team/app");
    const { digest } = await client.pushImage("v1", 100_000);
    expect(String(await client.verifyImage("v1"))).toBe(digest);
    const byVariable = await startEverlock({
      args: nodeArgs(location),
      env: { ...NODE_ENV, NODE_EXTRA_CA_CERTS: ca.certificate },
    });
    expect(String(await new RegistryClient(byVariable.httpPort, "team/app").verifyImage("v1"))).toBe(digest);

    const serve = async (args: readonly string[]) => {
      const command = [binary(), "serve", "--data-dir", `${temporaryDirectory()}/data`, ...args];
      const { code, stderr } = await run(command, { env: NODE_ENV });
      expect([code, stderr.trim().split("\n").length]).toEqual([1, 1]);
      return stderr;
    };
    const unknown = "its certificate is from an unknown CA; give the certificate of its CA by --storage-ca";
    expect(await serve(nodeArgs(location))).toContain(unknown);
    expect(await serve([...nodeArgs(location), "--storage-ca", otherCa.certificate])).toContain(unknown);
    for (const [certificate, reason] of [
      [await ca.issue("localhost", 0), "its certificate has expired"],
      [await ca.issue("s3.example.org"), "its certificate is for other host names"],
    ] as const) {
      const wrong = await startS3Server("registry", certificate);
      expect(await serve([...nodeArgs(wrong), "--storage-ca", ca.certificate])).toContain(reason);
    }
  }, 60_000);
});
