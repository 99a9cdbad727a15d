import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { credentialSource, MissingCredentialsError } from "../../../src/primitives/s3/credential-source.ts";
import { S3Bucket } from "../../../src/primitives/s3/s3-bucket.ts";
import { S3Client } from "../../../src/primitives/s3/s3-client.ts";
import { afterThisTest } from "../../support/cleanup.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const text = (key: string) => `[default]\naws_access_key_id = ${key}\naws_secret_access_key = secret\n`;

test("keys that are renewed in their file are used within about a minute", async () => {
  const file = `${temporaryDirectory()}/credentials`;
  writeFileSync(file, text("old"));
  let now = 0;
  const source = credentialSource(file, { now: () => now });
  expect((await source()).accessKeyId).toBe("old");
  writeFileSync(file, text("new"));
  now = 59_000;
  expect((await source()).accessKeyId).toBe("old");
  now = 60_000;
  expect((await source()).accessKeyId).toBe("new");
});

test("keys stay while their file is being written", async () => {
  const file = `${temporaryDirectory()}/credentials`;
  writeFileSync(file, text("old"));
  let now = 0;
  const source = credentialSource(file, { now: () => now });
  writeFileSync(file, "[def");
  now = 60_000;
  expect((await source()).accessKeyId).toBe("old");
  writeFileSync(file, text("new"));
  now = 120_000;
  expect((await source()).accessKeyId).toBe("new");
});

test("keys that the object store refuses are read from their file again, and the request succeeds", async () => {
  const file = `${temporaryDirectory()}/credentials`;
  writeFileSync(file, text("old"));
  let valid = "old";
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: ({ headers }) =>
      headers.get("authorization")?.includes(`Credential=${valid}/`)
        ? new Response("content")
        : new Response("<Error><Code>InvalidAccessKeyId</Code></Error>", { status: 403 }),
  });
  afterThisTest(() => server.stop(true));
  const endpoint = `http://127.0.0.1:${server.port}`;
  const location = { endpoint, region: "us-east-1", bucket: "b", prefix: "" };
  let now = 0;
  const client = new S3Client(location, credentialSource(file, { now: () => now }));
  const bucket = new S3Bucket(client);
  await bucket.read("x");
  valid = "new";
  now = 1000;
  await expect(bucket.read("x")).rejects.toThrow("does not know the access key");
  writeFileSync(file, text("new"));
  now = 2000;
  expect((await bucket.read("x"))?.size).toBe(7);
});

test("a file that is missing or has no keys is named", () => {
  const file = `${temporaryDirectory()}/credentials`;
  expect(() => credentialSource(file)).toThrow(MissingCredentialsError);
  writeFileSync(file, "[other]\n");
  expect(() => credentialSource(file)).toThrow(file);
});

test.each(["schlüssel", "a b", "abc\r", '"abc"'])(
  "a key that is %j is named by its setting, not by a header of HTTP, and not shown",
  (key) => {
    const environment = { AWS_ACCESS_KEY_ID: "id", AWS_SECRET_ACCESS_KEY: "s", AWS_SESSION_TOKEN: key };
    expect(() => credentialSource(undefined, { environment })).toThrow(
      "AWS_SESSION_TOKEN has a character that no key has",
    );
    const file = `${temporaryDirectory()}/credentials`;
    writeFileSync(file, `[default]\naws_access_key_id=${key}x\naws_secret_access_key=secret\n`);
    expect(() => credentialSource(file)).toThrow(
      `${file}: aws_access_key_id has a character that no key has`,
    );
  },
);

test("without keys and without a role, what to set is named", () => {
  const missing = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or --storage-credentials <file>";
  expect(() => credentialSource(undefined, { environment: {} })).toThrow(missing);
  const environment = { AWS_EC2_METADATA_DISABLED: "true" };
  expect(() => credentialSource(undefined, { environment, isAws: true })).toThrow(missing);
});
