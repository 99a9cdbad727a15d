import { mkdirSync } from "node:fs";
import { S3Bucket } from "../../src/primitives/s3/s3-bucket.ts";
import { S3Client, type S3ClientOptions } from "../../src/primitives/s3/s3-client.ts";
import type { S3Location } from "../../src/primitives/s3/s3-location.ts";
import { afterThisTest } from "./cleanup.ts";
import { eventually } from "./eventually.ts";
import { freePort } from "./free-port.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

const BUCKET = "everlock";
export const TEST_KEYS = { accessKeyId: "everlock-test", secretAccessKey: "not-a-secret" };

/** A versitygw with an empty bucket; stopped after the test. */
export async function startS3Server(prefix = "registry"): Promise<S3Location> {
  const dir = temporaryDirectory();
  mkdirSync(`${dir}/${BUCKET}`);
  const port = freePort();
  const server = Bun.spawn(
    ["versitygw", "--port", `127.0.0.1:${port}`, "--quiet", "--keep-alive", "posix", dir],
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
  afterThisTest(async () => {
    server.kill("SIGKILL");
    await server.exited;
  });
  const endpoint = `http://127.0.0.1:${port}`;
  if (
    !(await eventually(() =>
      fetch(endpoint).then(
        () => true,
        () => false,
      ),
    ))
  )
    throw new Error("versitygw does not listen");
  return { endpoint, region: "us-east-1", bucket: BUCKET, prefix };
}

export function bucketAt(location: S3Location, options?: S3ClientOptions): S3Bucket {
  return new S3Bucket(new S3Client(location, () => TEST_KEYS, options));
}
