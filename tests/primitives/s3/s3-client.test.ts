import { describe, expect, test } from "bun:test";
import { S3Bucket } from "../../../src/primitives/s3/s3-bucket.ts";
import { S3Client } from "../../../src/primitives/s3/s3-client.ts";
import {
  S3RefusedError,
  S3UnavailableError,
  S3UncertainError,
} from "../../../src/primitives/s3/s3-errors.ts";
import { textOf } from "../../../src/primitives/s3/s3-exchange.ts";
import { probeConditions } from "../../../src/primitives/s3/s3-probe.ts";
import { afterThisTest } from "../../support/cleanup.ts";

const KEYS = { accessKeyId: "id", secretAccessKey: "secret" };
const bytes = (text: string) => new Uint8Array(Buffer.from(text));

/** A client of a server that answers as the test says. */
function clientOf(
  answer: (request: Request, count: number) => Response | Promise<Response>,
  timeoutMs = 5000,
) {
  let count = 0;
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    fetch: (request) => answer(request, ++count),
  });
  afterThisTest(() => server.stop(true));
  const endpoint = `http://127.0.0.1:${server.port}`;
  const location = { endpoint, region: "us-east-1", bucket: "b", prefix: "" };
  return new S3Client(location, () => KEYS, { pauseMs: 1, timeoutMs });
}

const errorBody = (code: string) => `<Error><Code>${code}</Code><Message>words</Message></Error>`;
const GET = { method: "GET", key: "x", isRepeatable: true } as const;

describe("a request to the object store", () => {
  test.each([500, 502, 503, 504, 429])("is repeated after status %p", async (status) => {
    const client = clientOf((_, count) =>
      count < 3 ? new Response(errorBody("SlowDown"), { status }) : new Response("ok"),
    );
    expect(textOf(await client.send(GET))).toBe("ok");
    expect(client.requests).toBe(3);
  });

  test("is repeated after the connection broke, and given up after some attempts", async () => {
    const client = clientOf(() => new Response(errorBody("InternalError"), { status: 500 }));
    await expect(client.send(GET)).rejects.toThrow(
      /^the object store http:\/\/127\.0\.0\.1:\d+ fails: 500 InternalError words$/,
    );
    expect(client.requests).toBe(4);
  });

  test("is not repeated if it was refused", async () => {
    const client = clientOf(() => new Response(errorBody("AccessDenied"), { status: 403 }));
    await expect(client.send(GET)).rejects.toBeInstanceOf(S3RefusedError);
    expect(client.requests).toBe(1);
  });

  test("ends if the server does not respond in time", async () => {
    const { promise: never } = Promise.withResolvers<Response>();
    const client = clientOf(() => never, 50);
    await expect(client.send({ ...GET, isRepeatable: false })).rejects.toThrow("no response within 50 ms");
    const sooner = client.send({ ...GET, isRepeatable: false, timeoutMs: 20 });
    await expect(sooner).rejects.toThrow("no response within 20 ms");
  });

  test("over TLS to a server without it is refused with what to change", async () => {
    const { location } = clientOf(() => new Response("ok"));
    const endpoint = location.endpoint.replace("http:", "https:");
    const client = new S3Client({ ...location, endpoint }, () => KEYS, { pauseMs: 1, maxAttempts: 1 });
    await expect(client.send(GET)).rejects.toThrow("it does not speak TLS at this port");
  });

  test("is signed, with the hash of its body", async () => {
    let seen: Headers | undefined;
    const client = clientOf((request) => {
      seen = request.headers;
      return new Response(null, { headers: { ETag: '"1"' } });
    });
    await new S3Bucket(client).put("x", bytes("abc"), { condition: { absent: true } });
    expect(seen?.get("authorization")).toMatch(
      /^AWS4-HMAC-SHA256 Credential=id\/\d{8}\/us-east-1\/s3\/aws4_request, SignedHeaders=host;if-none-match;x-amz-content-sha256;x-amz-date, Signature=[0-9a-f]{64}$/,
    );
    expect(seen?.get("x-amz-content-sha256")).toBe(
      new Bun.CryptoHasher("sha256").update("abc").digest("hex"),
    );
    expect(seen?.get("if-none-match")).toBe("*");
  });

  test("stops being repeated when retries have used up their share", async () => {
    const client = clientOf(() => new Response("", { status: 503 }));
    for (let i = 0; i < 30; i++) await client.send(GET).catch(() => undefined);
    expect(client.requests).toBe(30 + 50);
  });
});

describe("a conditional write", () => {
  test("is not repeated after a failure that leaves open whether it was done", async () => {
    const client = clientOf(() => new Response("", { status: 500 }));
    const put = new S3Bucket(client).put("x", bytes("abc"), { condition: { absent: true } });
    await expect(put).rejects.toBeInstanceOf(S3UncertainError);
    expect(client.requests).toBe(1);
  });

  test("is repeated while another writer is in its way", async () => {
    const client = clientOf((_, count) =>
      count < 4
        ? new Response(errorBody("ConditionalRequestConflict"), { status: 409 })
        : new Response(null, { headers: { ETag: '"1"' } }),
    );
    expect(await new S3Bucket(client).put("x", bytes("abc"), { condition: { absent: true } })).toEqual({
      kind: "stored",
      etag: '"1"',
    });
  });
});

test("an object whose body breaks off is read again", async () => {
  const client = clientOf((_, count) => {
    if (count > 1) return new Response("whole");
    const broken = new ReadableStream({
      start(controller) {
        controller.enqueue(bytes("who"));
        controller.error(new Error("cut"));
      },
    });
    return new Response(broken, { headers: { "Content-Length": "5" } });
  });
  const read = await new S3Bucket(client).read("x");
  expect(Buffer.from(read?.bytes ?? []).toString()).toBe("whole");
});

describe("an object store without conditional writes", () => {
  test.each([
    [
      "ignores them",
      () => new Response(null, { headers: { ETag: '"1"' } }),
      "lets 16 of 16 writers create the same object",
    ],
    [
      "does not know them",
      () => new Response(errorBody("NotImplemented"), { status: 501 }),
      "does not support conditional writes",
    ],
  ])("is found by the probe if it %s", async (_, answer, words) => {
    const bucket = new S3Bucket(clientOf(answer));
    await expect(probeConditions(bucket)).rejects.toThrow(words);
    await expect(probeConditions(bucket)).rejects.toThrow("Everlock needs conditional writes");
  });

  test("is not confused with one that is away", async () => {
    const bucket = new S3Bucket(clientOf(() => new Response("", { status: 503 })));
    await expect(probeConditions(bucket)).rejects.toBeInstanceOf(S3UncertainError);
    await expect(bucket.read("x")).rejects.toBeInstanceOf(S3UnavailableError);
  });
});
