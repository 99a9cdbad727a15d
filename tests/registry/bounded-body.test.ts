import { expect, test } from "bun:test";
import { ByteRoom } from "../../src/primitives/byte-room.ts";
import { withBoundedBody } from "../../src/registry/bounded-body.ts";

const put = (body: string | ReadableStream, headers: Record<string, string> = {}) =>
  new Request("http://localhost/", { method: "PUT", body, headers });

const chunked = (...chunks: string[]) =>
  new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(Buffer.from(chunk));
      controller.close();
    },
  });

const text = async (body: Uint8Array) => Buffer.from(body).toString();

test("a body keeps its room until the work with it is done", async () => {
  const room = new ByteRoom(100);
  for (const request of [put("hello", { "Content-Length": "5" }), put(chunked("hel", "lo"))]) {
    const taken = await withBoundedBody(request, 10, room, async (body) => [await text(body), room.taken]);
    expect(taken).toEqual(["hello", 5]);
    expect(room.taken).toBe(0);
  }
});

test("one that is too long is not read on, whether it tells its length or not", async () => {
  const room = new ByteRoom(100);
  expect(await withBoundedBody(put("hello", { "Content-Length": "5" }), 4, room, text)).toBe("too-long");
  expect(await withBoundedBody(put(chunked("hel", "lo")), 4, room, text)).toBe("too-long");
  expect(room.taken).toBe(0);
});

test("without room for it, it is not read, and what it had taken is given back", async () => {
  const room = new ByteRoom(10);
  room.take(6);
  expect(await withBoundedBody(put("hello", { "Content-Length": "5" }), 10, room, text)).toBe("no-room");
  expect(await withBoundedBody(put(chunked("hel", "lo")), 10, room, text)).toBe("no-room");
  expect(room.taken).toBe(6);
});
