import { afterAll, beforeAll } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { S3Bucket } from "../../src/primitives/s3/s3-bucket.ts";
import { S3Client, type S3ClientOptions } from "../../src/primitives/s3/s3-client.ts";
import type { S3Location } from "../../src/primitives/s3/s3-location.ts";
import type { TestCertificate } from "./certificate.ts";
import { afterThisTest } from "./cleanup.ts";
import { temporaryDirectory } from "./temporary-directory.ts";
import { type RunningS3, startVersitygw, TEST_KEYS as VERSITYGW_KEYS } from "./versitygw.ts";

/** `EVERLOCK_TEST_S3=http://<key>:<secret>@<host>:<port>` names another object store to run on, in place of versitygw. */
const GIVEN = URL.parse(process.env["TEST_S3"] ?? "");
export const TEST_KEYS = GIVEN
  ? { accessKeyId: GIVEN.username, secretAccessKey: GIVEN.password }
  : VERSITYGW_KEYS;

/** A versitygw with an empty bucket, over TLS if it has a certificate for localhost; stopped after the test. */
export async function startS3Server(prefix = "registry", tls?: TestCertificate): Promise<S3Location> {
  const { location, stop } = await start(temporaryDirectory(), tls);
  afterThisTest(stop);
  return below(location, prefix);
}

/** One versitygw for all tests of the enclosing `describe`; each call of the returned function is another empty prefix. */
export function sharedS3Server(): () => S3Location {
  const dir = mkdtempSync(`${tmpdir()}/everlock-s3-`);
  let server: RunningS3 | undefined;
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
    return below(server.location, `registry-${++count}`);
  };
}

function below(location: S3Location, name: string): S3Location {
  return { ...location, prefix: location.prefix === "" ? name : `${location.prefix}/${name}` };
}

function start(dir: string, tls?: TestCertificate): Promise<RunningS3> {
  return GIVEN && !tls ? useGiven(GIVEN) : startVersitygw(dir, tls);
}

/** An empty prefix of the object store that is given. */
async function useGiven({ origin: endpoint }: URL): Promise<RunningS3> {
  const location = { endpoint, region: "us-east-1", bucket: "everlock", prefix: crypto.randomUUID() };
  await bucketAt(location).client.send({ method: "PUT", isRepeatable: true });
  return { location, stop: async () => undefined };
}

export function bucketAt(location: S3Location, options?: S3ClientOptions): S3Bucket {
  return new S3Bucket(new S3Client(location, () => TEST_KEYS, options));
}
