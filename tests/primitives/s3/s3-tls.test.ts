import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { S3Bucket } from "../../../src/primitives/s3/s3-bucket.ts";
import { S3Client } from "../../../src/primitives/s3/s3-client.ts";
import { makeCertificate } from "../../support/certificate.ts";
import { afterThisTest } from "../../support/cleanup.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";
import { describeWith } from "../../support/tools.ts";

const HASH = "x-amz-content-sha256";

describeWith(["openssl"], "requests to an object store over TLS", () => {
  test("are signed with the hash of small bodies, and without that of large ones, which TLS protects", async () => {
    const { certificate, key } = await makeCertificate(temporaryDirectory(), "localhost", ["localhost"]);
    const before = process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
    process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0";
    afterThisTest(() => {
      if (before === undefined) delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
      else process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = before;
    });
    const hashes: (string | null)[] = [];
    const server = Bun.serve({
      port: 0,
      tls: { cert: readFileSync(certificate), key: readFileSync(key) },
      fetch: ({ headers }) => {
        hashes.push(headers.get(HASH));
        return new Response(null, { headers: { ETag: '"1"' } });
      },
    });
    afterThisTest(() => server.stop(true));
    const location = { endpoint: `https://localhost:${server.port}`, region: "r", bucket: "b", prefix: "" };
    const bucket = new S3Bucket(
      new S3Client(location, () => ({ accessKeyId: "id", secretAccessKey: "secret" })),
    );
    for (const size of [10, 100_000]) await bucket.put("x", new Uint8Array(size));
    expect(hashes).toEqual([
      new Bun.CryptoHasher("sha256").update(new Uint8Array(10)).digest("hex"),
      "UNSIGNED-PAYLOAD",
    ]);
  });
});
