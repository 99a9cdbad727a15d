import { afterAll, beforeAll } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { S3Bucket } from "../../src/primitives/s3/s3-bucket.ts";
import { S3Client, type S3ClientOptions } from "../../src/primitives/s3/s3-client.ts";
import type { S3Location } from "../../src/primitives/s3/s3-location.ts";
import type { TestCertificate } from "./certificate.ts";
import { afterThisTest } from "./cleanup.ts";
import { eventually } from "./eventually.ts";
import { freePort } from "./free-port.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

const BUCKET = "everlock";
export const TEST_KEYS = { accessKeyId: "everlock-test", secretAccessKey: "not-a-secret" };

/** A versitygw with an empty bucket, over TLS if it has a certificate for localhost; stopped after the test. */
export async function startS3Server(prefix = "registry", tls?: TestCertificate): Promise<S3Location> {
  const { location, stop } = await start(temporaryDirectory(), tls);
  afterThisTest(stop);
  return { ...location, prefix };
}

/** One versitygw for all tests of the enclosing `describe`; each call of the returned function is another empty prefix. */
export function sharedS3Server(): () => S3Location {
  const dir = mkdtempSync(`${tmpdir()}/everlock-s3-`);
  let server: Awaited<ReturnType<typeof start>> | undefined;
  let count = 0;
  beforeAll(async () => {
    server = await start(dir);
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

async function start(
  dir: string,
  tls?: TestCertificate,
): Promise<{ location: S3Location; stop: () => Promise<void> }> {
  mkdirSync(`${dir}/${BUCKET}`);
  const port = freePort();
  const server = Bun.spawn(
    [
      ...["versitygw", "--port", `127.0.0.1:${port}`, "--quiet", "--keep-alive"],
      ...(tls ? ["--cert", tls.certificate, "--key", tls.key] : []),
      ...["posix", dir],
    ],
    {
      env: {
        ...process.env,
        ROOT_ACCESS_KEY: TEST_KEYS.accessKeyId,
        ROOT_SECRET_KEY: TEST_KEYS.secretAccessKey,
      },
      stdout: "ignore",
      stderr: "ignore",
    },
  );
  const stop = async () => {
    server.kill("SIGKILL");
    await server.exited;
  };
  const endpoint = tls ? `https://localhost:${port}` : `http://127.0.0.1:${port}`;
  const listens = () =>
    fetch(endpoint, { tls: { rejectUnauthorized: false } }).then(
      () => true,
      () => false,
    );
  if (!(await eventually(listens))) {
    await stop();
    throw new Error("versitygw does not listen");
  }
  return { location: { endpoint, region: "us-east-1", bucket: BUCKET, prefix: "" }, stop };
}

export function bucketAt(location: S3Location, options?: S3ClientOptions): S3Bucket {
  return new S3Bucket(new S3Client(location, () => TEST_KEYS, options));
}
