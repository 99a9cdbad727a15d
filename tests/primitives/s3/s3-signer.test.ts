import { describe, expect, test } from "bun:test";
import { AwsV4Signer } from "aws4fetch";
import { S3Signer, type UnsignedRequest } from "../../../src/primitives/s3/s3-signer.ts";

const LOCATION = { endpoint: "https://s3.example.com:9000", region: "eu-central-1" };
const KEYS = { accessKeyId: "AKID", secretAccessKey: "secret" };
const TEMPORARY = { ...KEYS, sessionToken: "token/+==" };
const AT = new Date("2026-11-28T04:05:06.789Z");

const request = (changes: Partial<UnsignedRequest>): UnsignedRequest => ({
  ...{ method: "GET", path: "bucket/key", query: {}, headers: {}, payloadHash: undefined, at: AT },
  ...changes,
});

/** Another implementation. */
function signerOf({ method, path, query, headers, payloadHash }: UnsignedRequest, keys = KEYS) {
  const url = new URL(`${LOCATION.endpoint}/${path.split("/").map(encodeURIComponent).join("/")}`);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return new AwsV4Signer({
    ...{
      method,
      url: url.href,
      service: "s3",
      region: LOCATION.region,
      datetime: "20261128T040506Z",
      ...keys,
    },
    headers: { ...headers, ...(payloadHash !== undefined && { "X-Amz-Content-Sha256": payloadHash }) },
  });
}

describe("a signature is that of another implementation", () => {
  const requests: Readonly<Record<string, UnsignedRequest>> = {
    "a read": request({}),
    "a read of a range": request({ headers: { Range: "bytes=0-9" } }),
    "a listing": request({
      path: "bucket",
      query: { "list-type": "2", prefix: "a b/ü*(1)", "continuation-token": "x+/=&y" },
    }),
    "a parameter without a value": request({ method: "POST", query: { uploads: "" } }),
    "a conditional write with metadata": request({
      method: "PUT",
      path: "bucket/a+b/ü !'()*~.%2F",
      headers: { "If-None-Match": "*", "x-amz-meta-writer": "  a   b " },
      payloadHash: "0".repeat(64),
    }),
  };

  for (const [name, unsigned] of Object.entries(requests)) {
    test(`of ${name}`, async () => {
      const signer = new S3Signer(LOCATION);
      for (const keys of [KEYS, TEMPORARY, KEYS]) {
        const { headers } = await signerOf(unsigned, keys).sign();
        const signed = signer.sign(unsigned, keys);
        expect(signed.headers["authorization"]).toBe(String(headers.get("authorization")));
        expect(new Headers(signed.headers).get("x-amz-security-token")).toBe(
          headers.get("x-amz-security-token"),
        );
      }
    });
  }

  test("of an address for others", async () => {
    for (const keys of [KEYS, TEMPORARY]) {
      const url = new URL(new S3Signer(LOCATION).presign("bucket/a b", 1200, keys, AT));
      const expected = await new AwsV4Signer({
        ...{ method: "GET", url: `${LOCATION.endpoint}/bucket/a%20b?X-Amz-Expires=1200`, signQuery: true },
        ...{ service: "s3", region: LOCATION.region, datetime: "20261128T040506Z", ...keys },
      }).sign();
      expect(Object.fromEntries(url.searchParams)).toEqual(Object.fromEntries(expected.url.searchParams));
    }
  });
});

test("a signature is made with the key of its day", () => {
  const signer = new S3Signer(LOCATION);
  const onDay = (at: Date) => signer.sign(request({ at }), KEYS).headers["authorization"];
  const first = onDay(AT);
  expect(onDay(new Date("2026-11-29T04:05:06Z"))).not.toBe(first);
  expect(onDay(AT)).toBe(first);
});
