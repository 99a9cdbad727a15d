import { expect, test } from "bun:test";
import { S3Signer, type UnsignedRequest } from "../../../src/primitives/s3/s3-signer.ts";

const KEYS = { accessKeyId: "access", secretAccessKey: "secret" };
const NOON = new Date("2026-01-02T12:00:00Z");
const LOOK: UnsignedRequest = {
  method: "GET",
  path: "bucket/log/7",
  query: {},
  headers: {},
  payloadHash: undefined,
  at: NOON,
};

function newSigner(): S3Signer {
  return new S3Signer({ endpoint: "http://127.0.0.1:9000", region: "us-east-1" });
}

function secondsLater(seconds: number): Date {
  return new Date(NOON.getTime() + seconds * 1000);
}

test("an equal request within five seconds has the signature of the first, a later one its own", async () => {
  const signer = newSigner();
  const first = await signer.sign(LOOK, KEYS);
  expect(first.headers.get("x-amz-date")).toBe("20260102T120000Z");
  expect(await signer.sign({ ...LOOK, at: secondsLater(4.9) }, KEYS)).toBe(first);
  const later = await signer.sign({ ...LOOK, at: secondsLater(5) }, KEYS);
  expect(later.headers.get("x-amz-date")).toBe("20260102T120005Z");
  expect(await signer.sign({ ...LOOK, at: secondsLater(9) }, KEYS)).toBe(later);
});

test.each([
  [-1, "20260102T115959Z"],
  [-3600, "20260102T110000Z"],
])(
  "an equal request of %p s earlier, as after the clock was set back, has its own signature",
  async (seconds, time) => {
    const signer = newSigner();
    await signer.sign(LOOK, KEYS);
    const earlier = await signer.sign({ ...LOOK, at: secondsLater(seconds) }, KEYS);
    expect(earlier.headers.get("x-amz-date")).toBe(time);
  },
);

test("equal writes have a signature each, so that none is valid for longer than it was given", async () => {
  const signer = newSigner();
  const removal: UnsignedRequest = { ...LOOK, method: "DELETE" };
  const first = await signer.sign(removal, KEYS);
  expect(await signer.sign({ ...removal, at: secondsLater(1) }, KEYS)).not.toBe(first);
});

const OTHERS: Record<string, Partial<UnsignedRequest>> = {
  "another path": { path: "bucket/log/8" },
  "another method": { method: "HEAD" },
  "a header": { headers: { Range: "bytes=0-1" } },
  "a query": { query: { uploadId: "1" } },
  "a body": { payloadHash: "0".repeat(64) },
};

test.each(Object.entries(OTHERS))("a request with %s has a signature of its own", async (_, change) => {
  const signer = newSigner();
  const first = await signer.sign(LOOK, KEYS);
  const other = await signer.sign({ ...LOOK, ...change }, KEYS);
  expect(other).not.toBe(first);
  expect(other).toEqual(await newSigner().sign({ ...LOOK, ...change }, KEYS));
});

test("renewed keys sign what the keys before had signed", async () => {
  const signer = newSigner();
  const first = await signer.sign(LOOK, KEYS);
  const renewed = await signer.sign(LOOK, { ...KEYS, secretAccessKey: "other" });
  expect(renewed.headers.get("authorization")).not.toBe(first.headers.get("authorization"));
});
