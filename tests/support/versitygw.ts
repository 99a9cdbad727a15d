import { mkdirSync } from "node:fs";
import type { S3Location } from "../../src/primitives/s3/s3-location.ts";
import type { TestCertificate } from "./certificate.ts";
import { eventually } from "./eventually.ts";
import { freePort } from "./free-port.ts";

const BUCKET = "everlock";
export const TEST_KEYS = { accessKeyId: "everlock-test", secretAccessKey: "not-a-secret" };

export interface RunningS3 {
  readonly location: S3Location;
  readonly stop: () => Promise<void>;
}

/** A versitygw over a directory, with an empty bucket; over TLS if it has a certificate for localhost. */
export async function startVersitygw(dir: string, tls?: TestCertificate): Promise<RunningS3> {
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
