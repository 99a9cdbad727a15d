import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { rootCertificates } from "node:tls";
import { resolveServerConfig } from "../../src/config/server-config.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const KEYS = { AWS_ACCESS_KEY_ID: "key", AWS_SECRET_ACCESS_KEY: "secret" };
const BUCKET = ["--storage", "s3://everlock/registry"];
const SERVER = ["--storage-endpoint", "http://127.0.0.1:7070"];

const storage = (args: readonly string[], environment: Record<string, string> = KEYS) =>
  resolveServerConfig(args, environment).storage;

describe("the storage", () => {
  test("is the data directory unless a bucket is named", () => {
    expect(storage([], {})).toEqual({ kind: "local" });
  });

  test("is a bucket below a prefix on the object store that is named", () => {
    expect(storage([...BUCKET, ...SERVER])).toMatchObject({
      kind: "s3",
      bucket: {
        bucket: "everlock",
        prefix: "registry",
        endpoint: "http://127.0.0.1:7070",
        region: "us-east-1",
      },
      credentialsFile: undefined,
      maxAgeMs: 0,
      cache: undefined,
      redirectAbove: undefined,
    });
  });

  test("is on AWS S3 in a region where no other object store is named", () => {
    const expected = { endpoint: "https://s3.eu-central-1.amazonaws.com", region: "eu-central-1" };
    expect(storage([...BUCKET, "--storage-region", "eu-central-1"])).toMatchObject({ bucket: expected });
    expect(storage(BUCKET, { ...KEYS, AWS_REGION: "eu-central-1" })).toMatchObject({ bucket: expected });
  });

  test("may have a cache on the node, and send clients to the object store", () => {
    const args = ["--cache-dir", "/srv/cache", "--cache-size", "1GiB", "--storage-redirect", "8MiB"];
    expect(storage([...BUCKET, ...SERVER, ...args])).toMatchObject({
      cache: { dir: "/srv/cache", bytes: 1024 ** 3 },
      redirectAbove: 8 * 1024 ** 2,
    });
  });

  test("gets its keys from a credentials file or from the environment", () => {
    const file = `${temporaryDirectory()}/credentials`;
    writeFileSync(file, "[default]\naws_access_key_id = key\naws_secret_access_key = secret\n");
    const read = storage([...BUCKET, ...SERVER, "--storage-credentials", file], {});
    expect(read).toMatchObject({ credentialsFile: file });
  });

  test("trusts the CAs of a file alone, if one is named", () => {
    const dir = temporaryDirectory();
    const ca = (text: string) => {
      writeFileSync(`${dir}/ca.pem`, text);
      return () => storage([...BUCKET, ...SERVER, "--storage-ca", `${dir}/ca.pem`]);
    };
    expect(ca("")).toThrow(`--storage-ca: ${dir}/ca.pem has no certificate; it must be in PEM format`);
    const broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    expect(ca(broken)).toThrow("has a certificate that can't be read");
    const [root = ""] = rootCertificates;
    expect(ca(root)()).toMatchObject({ ca: root });
    expect(() => storage([...BUCKET, ...SERVER, "--storage-ca", "/no/file"])).toThrow(
      "/no/file can't be read",
    );
    expect(() => storage(["--storage-ca", `${dir}/ca.pem`])).toThrow("--storage-ca needs --storage s3://");
  });

  test.each([
    [["--storage", "ftp://x"], "--storage must be 'local', or a bucket"],
    [["--storage", "s3://b1/registry"], "bucket: 3 to 63 of a-z 0-9 . -"],
    [BUCKET, "needs --storage-region <region> for AWS S3, or --storage-endpoint <url>"],
    [[...BUCKET, "--storage-endpoint", "s3.example.org"], "--storage-endpoint must be the address"],
    [[...BUCKET, "--storage-region", "Europe!"], "--storage-region must be the name of a region"],
    [
      [...BUCKET, ...SERVER, "--storage-max-age", "2h"],
      "--storage-max-age must be a time such as 0s or 5s, of up to 1h",
    ],
    [
      [...BUCKET, ...SERVER, "--storage-credentials", "/no/file"],
      "the credentials file /no/file can't be read",
    ],
    [[...BUCKET, ...SERVER, "--cache-size", "1GiB"], "--cache-size needs --cache-dir <dir>"],
    [["--cache-dir", "cache"], "--cache-dir needs --storage s3://"],
    [SERVER, "--storage-endpoint needs --storage s3://<bucket>/<prefix>"],
  ])("is refused as %j", (args, message) => {
    expect(() => storage(args)).toThrow(message);
  });

  test("is refused where there are no keys", () => {
    expect(() => storage([...BUCKET, ...SERVER], {})).toThrow(
      "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    );
  });
});
