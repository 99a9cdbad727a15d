import { afterAll, beforeAll } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { S3Bucket } from "../../src/primitives/s3/s3-bucket.ts";
import { S3Client, type S3ClientOptions } from "../../src/primitives/s3/s3-client.ts";
import type { S3Location } from "../../src/primitives/s3/s3-location.ts";
import type { TestCertificate } from "./certificate.ts";
import { afterThisTest } from "./cleanup.ts";
import { temporaryDirectory } from "./temporary-directory.ts";
import { startVersitygw, TEST_KEYS } from "./versitygw.ts";

export { TEST_KEYS };

/** A versitygw with an empty bucket, over TLS if it has a certificate for localhost; stopped after the test. */
export async function startS3Server(prefix = "registry", tls?: TestCertificate): Promise<S3Location> {
  const { location, stop } = await startVersitygw(temporaryDirectory(), tls);
  afterThisTest(stop);
  return { ...location, prefix };
}

/** One versitygw for all tests of the enclosing `describe`; each call of the returned function is another empty prefix. */
export function sharedS3Server(): () => S3Location {
  const dir = mkdtempSync(`${tmpdir()}/everlock-s3-`);
  let server: Awaited<ReturnType<typeof startVersitygw>> | undefined;
  let count = 0;
  beforeAll(async () => {
    server = await startVersitygw(dir);
  });
  afterAll(async () => {
    await server?.stop();
    rmSync(dir, { recursive: true, force: true });
  });
  return () => {
    if (!server) throw new Error("versitygw has not started");
    return { ...server.location, prefix: `registry-${++count}` };
  };
}

export function bucketAt(location: S3Location, options?: S3ClientOptions): S3Bucket {
  return new S3Bucket(new S3Client(location, () => TEST_KEYS, options));
}
