import { expect, test } from "bun:test";
import { SharedRoom } from "../../../src/primitives/bounds/shared-room.ts";
import { withBoundedBody } from "../../../src/registry/requests/bounded-body.ts";

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
  const room = new SharedRoom(100);
  for (const request of [put("hello", { "Content-Length": "5" }), put(chunked("hel", "lo"))]) {
    const taken = await withBoundedBody(request, 10, room.enter("alice"), async (body) => [
      await text(body),
      room.taken,
    ]);
    expect(taken).toEqual(["hello", 5]);
    expect(room.taken).toBe(0);
  }
});

test("one that is too long is not read on, whether it tells its length or not", async () => {
  const room = new SharedRoom(100);
  expect(await withBoundedBody(put("hello", { "Content-Length": "5" }), 4, room.enter("alice"), text)).toBe(
    "too-long",
  );
  expect(await withBoundedBody(put(chunked("hel", "lo")), 4, room.enter("alice"), text)).toBe("too-long");
  expect(room.taken).toBe(0);
});

test("without room for it, it is not read, and what it had taken is given back", async () => {
  const room = new SharedRoom(10);
  const other = room.enter("bob");
  other.take(6);
  other.keep();
  expect(await withBoundedBody(put("hello", { "Content-Length": "5" }), 10, room.enter("alice"), text)).toBe(
    "no-room",
  );
  expect(await withBoundedBody(put(chunked("hel", "lo")), 10, room.enter("alice"), text)).toBe("no-room");
  expect(room.taken).toBe(6);
});

test("one that is slow gives its room to others, also when it has begun to come in", async () => {
  for (const headers of [{ "Content-Length": "8" }, {}]) {
    const room = new SharedRoom(10);
    let sent: ReadableStreamDefaultController | undefined;
    const slow = new ReadableStream({
      start(controller) {
        sent = controller;
        controller.enqueue(Buffer.from("slow bod"));
      },
    });
    const waiting = withBoundedBody(
      put(slow, headers as Record<string, string>),
      10,
      room.enter("bob"),
      text,
    );
    while (room.taken < 8) await new Promise(setImmediate);
    const taken = await withBoundedBody(
      put("hello", { "Content-Length": "5" }),
      10,
      room.enter("alice"),
      text,
    );
    expect(taken).toBe("hello");
    expect(await waiting).toBe("no-room");
    expect(room.taken).toBe(0);
    expect(sent).toBeDefined();
  }
});
