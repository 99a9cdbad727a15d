import { describe, expect, test } from "bun:test";
import { Outage } from "../../../src/primitives/s3/outage.ts";
import { StalledError, streamOf, WatchedReader } from "../../../src/primitives/s3/response-body.ts";
import { S3Bucket } from "../../../src/primitives/s3/s3-bucket.ts";
import { S3Client } from "../../../src/primitives/s3/s3-client.ts";
import { S3UnavailableError } from "../../../src/primitives/s3/s3-errors.ts";
import { newS3Memory } from "../../../src/primitives/s3/s3-memory.ts";
import { S3Traffic } from "../../../src/primitives/s3/s3-traffic.ts";
import { segmentStream, slicesOf } from "../../../src/primitives/store/engine/s3/content/segment-stream.ts";
import { afterThisTest } from "../../support/cleanup.ts";
import { eventually } from "../../support/eventually.ts";
import { randomBytes } from "../../support/random-bytes.ts";

const PATIENCE_MS = 200;

interface Answer {
  readonly status?: string;
  readonly body: Uint8Array;
  /** After so many bytes of the body nothing more comes. */
  readonly stalls?: number;
  /** Bytes at once, and the pause between them in milliseconds. */
  readonly piece?: number;
  readonly pauseMs?: number;
}

/** A client of an object store that answers as the test says; the range that was asked for, if one was. */
function storeOf(answer: (request: number, from: number) => Answer) {
  let requests = 0;
  const ended = { count: 0 };
  const server = Bun.listen<undefined>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data: async (socket, received) => {
        const [, first] = received.toString("latin1").match(/^range: bytes=(\d+)-/im) ?? [];
        const { status = first === undefined ? "200 OK" : "206 Partial Content", ...sent } = answer(
          ++requests,
          Number(first ?? 0),
        );
        const { body, stalls = body.length, piece = body.length, pauseMs = 0 } = sent;
        socket.write(`HTTP/1.1 ${status}\r\nContent-Length: ${body.length}\r\nETag: "e"\r\n\r\n`);
        for (let at = 0; at < stalls; at += piece) {
          socket.write(body.subarray(at, Math.min(at + piece, stalls)));
          if (pauseMs > 0) await Bun.sleep(pauseMs);
        }
      },
      close: () => {
        ended.count++;
      },
    },
  });
  afterThisTest(() => server.stop(true));
  const endpoint = `http://127.0.0.1:${server.port}`;
  const location = { endpoint, region: "us-east-1", bucket: "b", prefix: "p" };
  const memory = newS3Memory();
  const keys = { accessKeyId: "id", secretAccessKey: "secret" };
  const client = new S3Client(location, () => keys, { pauseMs: 1, timeoutMs: PATIENCE_MS, memory });
  return {
    ...{ client, bucket: new S3Bucket(client), ended, traffic: new S3Traffic(memory.traffic) },
    requests: () => requests,
  };
}

const SHORT = new Uint8Array(Buffer.from("0123456789"));
const LONG = new Uint8Array(randomBytes(150_000));
const ERROR = new Uint8Array(Buffer.from("<Error><Code>NoSuchKey</Code></Error>"));

describe("a response that begins and stops in the middle", () => {
  test.each([
    ["of a small object", { body: SHORT }],
    ["of a large object", { body: LONG }],
    ["of a missing object", { body: ERROR, status: "404 Not Found" }],
  ])("%s is given up, its connection ends, and it is asked for again", async (_, whole) => {
    const { bucket, requests, ended, traffic } = storeOf((n) => ({
      ...whole,
      ...(n === 1 && { stalls: 5 }),
    }));
    const read = await bucket.read("x");
    expect(read?.bytes).toEqual("status" in whole ? undefined : whole.body);
    expect(requests()).toBe(2);
    expect(await eventually(() => ended.count > 0)).toBe(true);
    expect(traffic.requests()).toContainEqual({ operation: "get", outcome: "unanswered", count: 1 });
  });

  test.each([
    ["of an object", (bucket: S3Bucket) => bucket.read("x")],
    ["of a range", (bucket: S3Bucket) => bucket.read("x", { first: 0, last: 9 })],
    ["of a list", (bucket: S3Bucket) => Array.fromAsync(bucket.list("x"))],
  ])("each time (%s) makes the request fail as one to a store that is away", async (_, ask) => {
    const { bucket, requests } = storeOf(() => ({ body: SHORT, stalls: 5 }));
    await expect(ask(bucket)).rejects.toBeInstanceOf(S3UnavailableError);
    await expect(ask(bucket)).rejects.toThrow(`fails: no more bytes within ${PATIENCE_MS} ms`);
    expect(requests()).toBeGreaterThan(2);
  });

  test("is read on from there where it is streamed, a blob as any other object", async () => {
    const { bucket, requests } = storeOf((n, from) => ({
      body: LONG.subarray(from),
      ...(n < 3 && { stalls: 20_000 }),
    }));
    const stream = segmentStream(bucket, slicesOf([{ key: "x", size: LONG.length }]));
    expect(Buffer.compare(await Bun.readableStreamToBytes(stream), LONG)).toBe(0);
    expect(requests()).toBe(3);
  });

  test("is not given up while its bytes come slowly", async () => {
    const slow = { body: LONG, piece: 10_000, pauseMs: PATIENCE_MS / 5 };
    const { bucket, requests } = storeOf(() => slow);
    const began = performance.now();
    expect((await bucket.read("x"))?.bytes).toEqual(LONG);
    expect(performance.now() - began).toBeGreaterThan(PATIENCE_MS);
    expect(requests()).toBe(1);
  });

  test("is not given up while its reader is slow", async () => {
    const { bucket } = storeOf(() => ({ body: LONG }));
    const reader = (await bucket.open("x"))?.reader;
    const first = await reader?.read();
    await Bun.sleep(PATIENCE_MS * 2);
    const rest = reader ? await Bun.readableStreamToBytes(streamOf(reader)) : new Uint8Array();
    expect((first?.value?.length ?? 0) + rest.length).toBe(LONG.length);
  });
});

test("a store that begins its responses and never ends them is away until one comes whole", async () => {
  let isStalling = true;
  const answer = () => ({ body: SHORT, ...(isStalling && { stalls: 5 }) });
  const { client, bucket, requests } = storeOf(answer);
  const limits = { timeoutMs: 2600 };
  const patient = new S3Bucket(
    new S3Client(client.location, () => ({ accessKeyId: "a", secretAccessKey: "b" }), limits),
  );
  const began = performance.now();
  await expect(patient.read("x")).rejects.toBeInstanceOf(S3UnavailableError);
  expect(performance.now() - began).toBeLessThan(5000);
  expect(patient.client.isAway).toBe(true);
  expect(requests()).toBe(1);
  await expect(patient.read("x")).rejects.toThrow("it could not be used for some seconds");
  isStalling = false;
  const isBack = () =>
    patient.read("x").then(
      () => true,
      () => false,
    );
  expect(await eventually(isBack, 10_000)).toBe(true);
  expect((await bucket.read("x"))?.bytes).toEqual(SHORT);
}, 20_000);

test("bytes that come to a reader count as answers, and their absence as none", async () => {
  let now = 1000;
  const outage = new Outage(Outage.memory(), () => now);
  const pieces = [SHORT, SHORT];
  const waits = Promise.withResolvers<{ done: boolean }>();
  const inner = {
    read: async () => {
      const value = pieces.shift();
      return value ? { done: false, value } : waits.promise;
    },
    cancel: async () => waits.resolve({ done: true }),
  };
  const stalled = () => {
    now += 3000;
    outage.failed(3000);
  };
  const reader = new WatchedReader(inner, { ms: 20, came: () => outage.answered(), stalled });
  outage.failed(1000);
  await reader.read();
  await reader.read();
  expect(outage.isOn).toBe(false);
  await expect(reader.read()).rejects.toBeInstanceOf(StalledError);
  expect(outage.isOn).toBe(true);
});
