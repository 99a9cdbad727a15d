import { expect, test } from "bun:test";
import {
  credentialsFromEnvironment,
  parseCredentialsFile,
} from "../../../src/primitives/s3/s3-credentials.ts";
import { parseS3Endpoint, parseS3Url } from "../../../src/primitives/s3/s3-location.ts";

test.each([
  ["s3://bucket", { bucket: "bucket", prefix: "" }],
  ["s3://bucket/", { bucket: "bucket", prefix: "" }],
  ["s3://my.bucket-1/a/b_c.d/", { bucket: "my.bucket-1", prefix: "a/b_c.d" }],
  ["s3://B", undefined],
  ["s3://a..b", undefined],
  ["s3://bucket//a", undefined],
  ["s3://bucket/a/../b", undefined],
  ["s3://bucket/ä", undefined],
  [`s3://bucket/${"x".repeat(257)}`, undefined],
  ["https://bucket", undefined],
  ["bucket", undefined],
])("the storage %p is %p", (text, expected) => {
  expect(parseS3Url(text)).toEqual(expected);
});

test.each([
  ["https://s3.example.org", "https://s3.example.org"],
  ["http://127.0.0.1:7070/", "http://127.0.0.1:7070"],
  ["https://s3.example.org/path", undefined],
  ["https://user:secret@s3.example.org", undefined],
  ["s3.example.org", undefined],
  ["ftp://s3.example.org", undefined],
])("the endpoint %p is %p", (text, expected) => {
  expect(parseS3Endpoint(text)).toBe(expected as string);
});

test("keys come from the usual variables, or the default section of a credentials file", () => {
  expect(credentialsFromEnvironment({ AWS_ACCESS_KEY_ID: "a" })).toBeUndefined();
  expect(credentialsFromEnvironment({ AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "b" })).toEqual({
    accessKeyId: "a",
    secretAccessKey: "b",
    sessionToken: undefined,
  });
  const file =
    "[other]\naws_access_key_id = wrong\n\n[default]\naws_access_key_id = a\naws_secret_access_key=b/+c=\n# x\n";
  expect(parseCredentialsFile(file)).toEqual({
    accessKeyId: "a",
    secretAccessKey: "b/+c=",
    sessionToken: undefined,
  });
  expect(parseCredentialsFile("[other]\naws_access_key_id = a\naws_secret_access_key = b")).toBeUndefined();
});
