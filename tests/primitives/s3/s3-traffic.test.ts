import { expect, test } from "bun:test";
import { Outage } from "../../../src/primitives/s3/outage.ts";
import { S3Bucket } from "../../../src/primitives/s3/s3-bucket.ts";
import { S3Client } from "../../../src/primitives/s3/s3-client.ts";
import { newS3Memory } from "../../../src/primitives/s3/s3-memory.ts";
import { S3Multipart } from "../../../src/primitives/s3/s3-multipart.ts";
import { S3Traffic } from "../../../src/primitives/s3/s3-traffic.ts";
import { afterThisTest } from "../../support/cleanup.ts";
import { eventually } from "../../support/eventually.ts";

const KEYS = { accessKeyId: "id", secretAccessKey: "secret" };

/** Clients of two threads of one node, and what they count. */
function open(answer: (request: Request) => Response | Promise<Response>, maxAttempts = 1) {
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, idleTimeout: 0, fetch: answer });
  afterThisTest(() => server.stop(true));
  const endpoint = `http://127.0.0.1:${server.port}`;
  const location = { endpoint, region: "us-east-1", bucket: "b", prefix: "" };
  const memory = newS3Memory();
  const client = () =>
    new S3Client(location, () => KEYS, { pauseMs: 1, timeoutMs: 3000, maxAttempts, memory });
  const buckets = [new S3Bucket(client()), new S3Bucket(client())] as const;
  return { buckets, traffic: new S3Traffic(memory.traffic), outage: new Outage(memory.outage) };
}

const bytes = (size: number) => new Uint8Array(size);

test("requests of all threads are counted by operation and outcome, with their bytes and times", async () => {
  const { buckets, traffic } = open(({ url }) => {
    const { pathname, searchParams } = new URL(url);
    if (searchParams.has("list-type")) return new Response("<ListBucketResult></ListBucketResult>");
    if (searchParams.has("uploads"))
      return new Response(
        "<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>",
      );
    const status = Number(pathname.match(/\d+$/)?.[0] ?? 200);
    return new Response(status === 200 ? "seven b" : null, { status });
  });
  const [one, other] = buckets;
  const attempts = [404, 412, 403, 503, 500].map((status) =>
    one.put(`status/${status}`, bytes(10), { condition: { absent: true } }).catch(() => undefined),
  );
  await Promise.all(attempts);
  await other.read("x");
  await other.head("x");
  await other.remove("x");
  await Array.fromAsync(other.list(""));
  const multipart = new S3Multipart(one);
  await multipart.putPart(await multipart.start("x"), 1, bytes(100));
  expect(
    traffic.requests().map(({ operation, outcome, count }) => `${operation} ${outcome} ${count}`),
  ).toEqual([
    "get ok 1",
    "head ok 1",
    "put ok 1",
    "put missing 1",
    "put conflict 1",
    "put refused 1",
    "put throttled 1",
    "put failed 1",
    "delete ok 1",
    "list ok 1",
    "multipart ok 1",
  ]);
  expect([traffic.sent, traffic.received]).toEqual([150, 7]);
  const [get] = traffic.durations();
  expect([get?.operation, get?.buckets.reduce((sum, count) => sum + count)]).toEqual(["get", 1]);
  expect(get?.seconds).toBeGreaterThan(0);
});

test("retries are counted, and those that the budget of all threads together does not allow", async () => {
  const { buckets, traffic } = open(() => new Response(null, { status: 503 }), 4);
  for (let i = 0; i < 20; i++) await buckets[i % 2]?.head("x").catch(() => undefined);
  expect([traffic.retries, traffic.withheldRetries]).toEqual([50, 4]);
});

test("once a read was not answered for three seconds, all threads refuse requests at once, until the store answers", async () => {
  const { promise: never } = Promise.withResolvers<Response>();
  let isSilent = true;
  const { buckets, traffic, outage } = open(() => (isSilent ? never : new Response("back")), 4);
  const began = performance.now();
  await expect(buckets[0].read("x")).rejects.toThrow("no response within 3000 ms");
  expect(performance.now() - began).toBeLessThan(5000);
  expect(outage.isOn).toBe(true);
  const asked = performance.now();
  const refused = await Promise.allSettled(Array.from({ length: 50 }, (_, i) => buckets[i % 2]?.read("x")));
  expect(performance.now() - asked).toBeLessThan(500);
  for (const { status } of refused) expect(status).toBe("rejected");
  expect(traffic.withheldRequests).toBe(50);
  isSilent = false;
  const isBack = () => buckets[1].read("x").then((object) => object?.size === 4);
  expect(await eventually(() => isBack().catch(() => false))).toBe(true);
  expect(outage.isOn).toBe(false);
  await Promise.all(buckets.map((bucket) => bucket.read("x")));
}, 20_000);

test("a conditional write that waits for other writers does not make the store count as away", async () => {
  const { promise: never } = Promise.withResolvers<Response>();
  const { buckets, outage } = open(({ method }) => (method === "PUT" ? never : new Response("read")));
  const options = { condition: { absent: true }, timeoutMs: 2600 } as const;
  await expect(buckets[0].put("x", bytes(1), options)).rejects.toThrow("no response within 2600 ms");
  expect(outage.isOn).toBe(false);
  expect((await buckets[1].read("x"))?.size).toBe(4);
});
