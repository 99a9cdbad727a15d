import { expect, test } from "bun:test";
import { digestOf } from "../../../src/primitives/digest.ts";
import { download } from "../../../src/registry/client/download.ts";
import type { BlobRequest } from "../../../src/registry/client/registry-client.ts";
import { UpstreamBodyError, UpstreamFault } from "../../../src/registry/client/upstream-answer.ts";
import {
  APP,
  BLOB,
  BLOB_DIGEST,
  clientOf,
  startRawUpstream,
  startUpstream,
  type Upstream,
} from "./upstream.ts";

async function read(upstream: Upstream, request?: BlobRequest, silenceMs = 5000): Promise<Buffer> {
  const opened = await clientOf(upstream.origin, { silenceMs }).openBlob(APP, BLOB_DIGEST, request);
  if (opened.kind !== "found")
    throw new UpstreamFault("reason" in opened ? opened : { kind: "denied", reason: "" });
  const parts: Uint8Array[] = [];
  for await (const chunk of opened.body) parts.push(chunk);
  return Buffer.concat(parts);
}

async function failureOf(work: Promise<unknown>): Promise<{ kind: string; reason: string }> {
  try {
    await work;
  } catch (error) {
    if (error instanceof UpstreamFault) return error.failure;
    throw error;
  }
  throw new Error("nothing failed");
}

/** An upstream that serves ranges as `Bun.serve` does of files. */
function ranges(): Upstream {
  return startUpstream((request) => {
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.get("range") ?? "")?.[1] ?? -1);
    if (from < 0) return new Response(new Uint8Array(BLOB));
    return new Response(new Uint8Array(BLOB.subarray(from)), {
      status: 206,
      headers: { "Content-Range": `bytes ${from}-${BLOB.length - 1}/${BLOB.length}` },
    });
  });
}

test("a blob comes whole, with its size, or from an offset", async () => {
  const upstream = ranges();
  expect((await read(upstream)).equals(BLOB)).toBe(true);
  expect((await read(upstream, { from: 5000, size: BLOB.length })).equals(BLOB.subarray(5000))).toBe(true);
});

test("an upstream that ignores ranges sends the whole, of which the first bytes are left out", async () => {
  const upstream = startUpstream(() => new Response(new Uint8Array(BLOB)));
  expect((await read(upstream, { from: 5000 })).equals(BLOB.subarray(5000))).toBe(true);
});

test("a blob of another size than its manifest says is refused before its bytes come", async () => {
  const upstream = ranges();
  expect(await failureOf(read(upstream, { size: 5 }))).toEqual({
    kind: "invalid",
    reason: `upstream ${upstream.origin}: its blob ${BLOB_DIGEST} has ${BLOB.length} bytes, not 5`,
  });
});

test("a wrong range is refused", async () => {
  const upstream = startUpstream(
    () => new Response("abc", { status: 206, headers: { "Content-Range": "bytes 7-9/10" } }),
  );
  const { kind, reason } = await failureOf(read(upstream, { from: 5 }));
  expect([kind, reason]).toEqual([
    "invalid",
    `upstream ${upstream.origin}: it answers 206 with the wrong range to the request for a blob from byte 5`,
  ]);
});

test("an endless blob is ended after the size that its manifest says", async () => {
  const upstream = startUpstream(
    () =>
      new Response(new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(65536)) })),
  );
  expect(await failureOf(read(upstream, { size: BLOB.length }))).toEqual({
    kind: "invalid",
    reason: `upstream ${upstream.origin}: its blob ${BLOB_DIGEST} has more than ${BLOB.length} bytes`,
  });
});

test.each([
  ["with Content-Length", `Content-Length: ${BLOB.length}`, ""],
  ["in chunks", "Transfer-Encoding: chunked", "3\r\n"],
  ["to the end of the connection", "Connection: close", ""],
])("a blob that breaks off, sent %s, is a failure that may pass", async (_, header, prefix) => {
  const upstream = await startRawUpstream((socket) => {
    socket.end(`HTTP/1.1 200 OK\r\n${header}\r\n\r\n${prefix}abc\r\n`);
  });
  const got = read(upstream, { size: BLOB.length });
  expect(await failureOf(got)).toMatchObject({ kind: "unavailable" });
  expect(got).rejects.toBeInstanceOf(UpstreamBodyError);
});

test("an upstream that is silent before the response, or within it, is given up", async () => {
  const mute = await startRawUpstream(() => {});
  expect(await failureOf(read(mute, {}, 50))).toEqual({
    kind: "unavailable",
    reason: `upstream ${mute.origin}: it did not answer within 0.05 s`,
  });
  const stuck = await startRawUpstream((socket) => {
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
  });
  expect(await failureOf(read(stuck, {}, 50))).toEqual({
    kind: "unavailable",
    reason: `upstream ${stuck.origin}: it sent nothing for 0.05 s within a response`,
  });
});

test("an upstream that sends a byte at a time is given up", async () => {
  const drip = await startRawUpstream((socket) => {
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    const timer = setInterval(() => socket.write("a"), 10);
    socket.on("close", () => clearInterval(timer));
  });
  expect(await failureOf(read(drip, {}, 100))).toEqual({
    kind: "unavailable",
    reason: `upstream ${drip.origin}: it sends too slowly`,
  });
});

test("a client that reads slowly is no fault of upstream", async () => {
  const opened = await clientOf(ranges().origin, { silenceMs: 30 }).openBlob(APP, BLOB_DIGEST);
  if (opened.kind !== "found") throw new Error(opened.kind);
  let size = 0;
  for await (const chunk of opened.body) {
    size += chunk.length;
    await Bun.sleep(100);
  }
  expect(size).toBe(BLOB.length);
});

test("huge headers and garbage are refused", async () => {
  const huge = await startRawUpstream((socket) => {
    socket.write(`HTTP/1.1 200 OK\r\nX: ${"a".repeat(100_000)}\r\n`);
  });
  expect(await failureOf(read(huge))).toEqual({
    kind: "invalid",
    reason: `upstream ${huge.origin}: the headers of its response are too large`,
  });
  const garbage = await startRawUpstream((socket) => {
    socket.write("SSH-2.0-OpenSSH_9\r\n");
  });
  expect(await failureOf(read(garbage))).toEqual({
    kind: "invalid",
    reason: `upstream ${garbage.origin}: its response is no valid HTTP`,
  });
});

test("a request on a connection that upstream has closed meanwhile is sent once more", async () => {
  const upstream = await startRawUpstream((socket, _, count) => {
    if (count > 1) socket.destroy();
    else socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc`);
  });
  const client = clientOf(upstream.origin);
  for (let i = 0; i < 3; i++) {
    const opened = await client.openBlob(APP, BLOB_DIGEST);
    if (opened.kind !== "found") throw new Error("reason" in opened ? opened.reason : opened.kind);
    for await (const _ of opened.body);
  }
});

test("a download asks for the rest where it broke off, and ends with the right digest", async () => {
  let cuts = 0;
  const upstream = await startRawUpstream((socket, head) => {
    const from = Number(/range: bytes=(\d+)-/i.exec(head)?.[1] ?? 0);
    const status =
      from > 0 ? `206 P\r\nContent-Range: bytes ${from}-${BLOB.length - 1}/${BLOB.length}` : "200 OK";
    socket.write(`HTTP/1.1 ${status}\r\nContent-Length: ${BLOB.length - from}\r\n\r\n`);
    const part = BLOB.subarray(from, from + 9000);
    if (from + part.length < BLOB.length) cuts++;
    socket.end(part);
  });
  const parts: Uint8Array[] = [];
  for await (const part of download(clientOf(upstream.origin), APP, BLOB_DIGEST, { size: BLOB.length }))
    parts.push(part);
  expect(Buffer.concat(parts).equals(BLOB)).toBe(true);
  expect(cuts).toBe(2);
});

test("a download with the wrong digest fails after its last byte", async () => {
  const upstream = ranges();
  const other = digestOf(Buffer.from("another"));
  const drain = async () => {
    for await (const _ of download(clientOf(upstream.origin), APP, other, { size: BLOB.length }));
  };
  expect(await failureOf(drain())).toEqual({
    kind: "invalid",
    reason: `upstream ${upstream.origin}: its blob ${other} has the wrong digest, ${BLOB_DIGEST}`,
  });
});

test("to stop reading a blob ends its connection", async () => {
  let isCancelled = false;
  const upstream = startUpstream(
    () =>
      new Response(
        new ReadableStream({
          pull: (controller) => controller.enqueue(new Uint8Array(65536)),
          cancel: () => {
            isCancelled = true;
          },
        }),
      ),
  );
  const opened = await clientOf(upstream.origin).openBlob(APP, BLOB_DIGEST);
  if (opened.kind !== "found") throw new Error(opened.kind);
  for await (const _ of opened.body) break;
  while (!isCancelled) await Bun.sleep(1);
});
