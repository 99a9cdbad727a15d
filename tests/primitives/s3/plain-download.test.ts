import { describe, expect, test } from "bun:test";
import type { Socket } from "bun";
import { S3Bucket } from "../../../src/primitives/s3/s3-bucket.ts";
import { S3Client } from "../../../src/primitives/s3/s3-client.ts";
import { newS3Memory } from "../../../src/primitives/s3/s3-memory.ts";
import { S3Traffic } from "../../../src/primitives/s3/s3-traffic.ts";
import {
  segmentBody,
  segmentStream,
  slicesOf,
} from "../../../src/primitives/store/engine/s3/content/segment-stream.ts";
import { afterThisTest } from "../../support/cleanup.ts";
import { eventually } from "../../support/eventually.ts";
import { randomBytes } from "../../support/random-bytes.ts";

const MIB = 1024 * 1024;
const SIZE = 12 * MIB;
const WHOLE = { first: 0, last: SIZE - 1 };
const bytes = new Uint8Array(randomBytes(SIZE));

/** What is sent for the request of so many; `cut` after so many bytes of the body, or `stall`. */
interface Answer {
  readonly head?: string;
  readonly cut?: number;
  readonly stall?: number;
}

interface Sending {
  waiting: Uint8Array;
  isCut: boolean;
}

/** A client of an object store with one object, whose connections do as the test says. */
function storeOf(answer: (request: number) => Answer | undefined, timeoutMs = 5000) {
  const requests: string[] = [];
  const sent = { bytes: 0, closed: 0 };
  const flush = (socket: Socket<Sending>) => {
    const { data } = socket;
    const written = Math.max(socket.write(data.waiting), 0);
    sent.bytes += written;
    data.waiting = data.waiting.subarray(written);
    if (data.waiting.length === 0 && data.isCut) socket.end();
  };
  const server = Bun.listen<Sending>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open: (socket) => {
        socket.data = { waiting: new Uint8Array(0), isCut: false };
      },
      data: (socket, received) => {
        const request = Buffer.from(received).toString("latin1");
        requests.push(request);
        const given = answer(requests.length);
        if (!given) return;
        const [, first = "0", last = ""] = request.match(/^range: bytes=(\d+)-(\d+)\r$/im) ?? [];
        const body = bytes.subarray(Number(first), Number(last) + 1);
        const head =
          given.head ??
          `206 Partial Content\r\nContent-Length: ${body.length}\r\nContent-Range: bytes ${first}-${last}/${SIZE}\r\nETag: "e"`;
        socket.data.isCut = given.cut !== undefined;
        const part = body.subarray(0, given.cut ?? given.stall ?? body.length);
        socket.data.waiting = new Uint8Array(Buffer.concat([Buffer.from(`HTTP/1.1 ${head}\r\n\r\n`), part]));
        flush(socket);
      },
      drain: flush,
      close: () => {
        sent.closed++;
      },
    },
  });
  afterThisTest(() => server.stop(true));
  const location = {
    ...{ endpoint: `http://127.0.0.1:${server.port}`, region: "us-east-1" },
    ...{ bucket: "b", prefix: "p" },
  };
  const memory = newS3Memory();
  const keys = { accessKeyId: "id", secretAccessKey: "secret" };
  const client = new S3Client(location, () => keys, { pauseMs: 1, timeoutMs, memory });
  const slices = slicesOf([{ key: "x", size: SIZE }]);
  return {
    client,
    bucket: new S3Bucket(client),
    slices,
    requests,
    sent,
    traffic: new S3Traffic(memory.traffic),
  };
}

function rangesOf(requests: readonly string[]): (string | undefined)[] {
  return requests.map((request) => request.match(/^range: (.*)\r$/im)?.[1]);
}

/** What a client gets as the body of a response. */
async function received(body: ReadableStream): Promise<Uint8Array> {
  using server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response(body) });
  return new Uint8Array(await (await fetch(server.url)).arrayBuffer());
}

describe("a large range of an object, without TLS", () => {
  test("comes by one signed request on a connection of its own, which counts", async () => {
    const { bucket, slices, requests, sent, traffic } = storeOf(() => ({}));
    expect(Buffer.compare(await received(segmentBody(bucket, slices)), bytes)).toBe(0);
    expect(requests.length).toBe(1);
    expect(requests[0]).toStartWith("GET /b/p/x HTTP/1.1\r\n");
    expect(requests[0]).toMatch(/^authorization: AWS4-HMAC-SHA256 Credential=id\//im);
    expect(traffic.requests()).toEqual([{ operation: "get", outcome: "ok", count: 1 }]);
    expect(traffic.received).toBe(SIZE);
    expect(await eventually(() => sent.closed === 1)).toBe(true);
  });

  test("is read on from where its connection is cut", async () => {
    const { bucket, slices, requests } = storeOf((n) =>
      n === 1 ? { cut: 5 * MIB } : n === 2 ? { cut: 1 } : {},
    );
    expect(Buffer.compare(await received(segmentBody(bucket, slices)), bytes)).toBe(0);
    expect(rangesOf(requests)).toEqual([
      `bytes=0-${SIZE - 1}`,
      `bytes=${5 * MIB}-${SIZE - 1}`,
      `bytes=${5 * MIB + 1}-${SIZE - 1}`,
    ]);
  });

  test("is read on from where no more bytes come", async () => {
    const { bucket, slices, requests } = storeOf((n) => (n === 1 ? { stall: 6 * MIB } : {}), 300);
    const stream = segmentStream(bucket, slices);
    expect(Buffer.compare(await Bun.readableStreamToBytes(stream), bytes)).toBe(0);
    expect(rangesOf(requests)).toEqual([`bytes=0-${SIZE - 1}`, `bytes=${6 * MIB}-${SIZE - 1}`]);
  });

  test("fails where each connection breaks off without a byte, and the client gets less than was announced", async () => {
    const { bucket, slices } = storeOf((n) => ({ cut: n === 1 ? 5 * MIB : 0 }));
    const headers = { "Content-Length": String(SIZE) };
    using server = Bun.serve({
      ...{ port: 0, hostname: "127.0.0.1", error: () => new Response() },
      fetch: () => new Response(segmentBody(bucket, slices), { headers }),
    });
    const failure = await (await fetch(server.url)).arrayBuffer().catch((error: Error) => error);
    expect(failure).toBeInstanceOf(Error);
  });

  test.each([
    ["another status", `200 OK\r\nContent-Length: ${SIZE}`],
    ["another range", `206 Partial\r\nContent-Length: ${SIZE}\r\nContent-Range: bytes 1-${SIZE}/${SIZE + 1}`],
    [
      "another length",
      `206 Partial\r\nContent-Length: ${SIZE - 1}\r\nContent-Range: bytes 0-${SIZE - 1}/${SIZE}`,
    ],
    ["chunks", `206 Partial\r\nTransfer-Encoding: chunked\r\nContent-Range: bytes 0-${SIZE - 1}/${SIZE}`],
    ["a refusal", "403 Forbidden\r\nContent-Length: 0"],
    ["a malformed header", "206 Partial\r\nno header"],
    ["a head that does not end", "a".repeat(100_000)],
  ])("is left to the usual requests where the store sends %s", async (_, head) => {
    const { client, sent } = storeOf(() => ({ head, stall: 0 }));
    expect(await client.download("x", WHOLE)).toBeUndefined();
    expect(await eventually(() => sent.closed === 1)).toBe(true);
  });

  test("is given up where the store is silent, which counts as an attempt without an answer", async () => {
    const { client, traffic } = storeOf(() => undefined, 50);
    expect(await client.download("x", WHOLE)).toBeUndefined();
    expect(traffic.requests()).toEqual([{ operation: "get", outcome: "unanswered", count: 1 }]);
  });

  test("is not read further than one piece before it is asked for", async () => {
    const { client, sent } = storeOf(() => ({}));
    const download = await client.download("x", WHOLE);
    let [before, same] = [-1, 0];
    const isStill = () => {
      same = sent.bytes === before ? same + 1 : 0;
      before = sent.bytes;
      return same > 10;
    };
    expect(await eventually(isStill)).toBe(true);
    expect(sent.bytes).toBeLessThan(SIZE);
    let read = 0;
    for (let piece = await download?.read(); piece?.value; piece = await download?.read()) {
      expect(piece.value.length).toBeLessThanOrEqual(MIB);
      read += piece.value.length;
    }
    expect(read).toBe(SIZE);
  });

  test("ends at the store once its reader has left", async () => {
    const { client, sent } = storeOf(() => ({ stall: MIB }));
    const download = await client.download("x", WHOLE);
    await download?.read();
    const waiting = download?.read();
    await download?.cancel();
    expect((await waiting)?.done ?? (await download?.read())?.done).toBe(true);
    expect(await eventually(() => sent.closed === 1)).toBe(true);
  });

  test("is not sent past the proxy that the environment names", async () => {
    process.env["http_proxy"] = "http://127.0.0.1:9";
    afterThisTest(() => {
      delete process.env["http_proxy"];
    });
    const { client, requests } = storeOf(() => ({}));
    expect(await client.download("x", WHOLE)).toBeUndefined();
    expect(requests).toEqual([]);
  });
});
