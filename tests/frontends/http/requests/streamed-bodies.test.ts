import { expect, test } from "bun:test";
import { StreamedBodies } from "../../../../src/frontends/http/requests/streamed-bodies.ts";
import { randomBytes } from "../../../support/random-bytes.ts";

const PART = 64 * 1024;

/** Bodies with a budget of `capacity` bytes, whose clients read parts on demand. */
function streamed(capacity: number) {
  let now = 0;
  const failures: unknown[] = [];
  const bodies = new StreamedBodies({ capacity, now: () => now, onFailure: (error) => failures.push(error) });
  const closing: string[] = [];
  const clientOf = (name: string, { signal }: AbortController) => ({
    signal,
    connection: { closeIfIdleFor: () => void closing.push(name) },
  });
  return {
    bodies,
    closing,
    failures,
    clientOf,
    after: (ms: number) => {
      now += ms;
    },
    send: (name: string, content: Uint8Array<ArrayBuffer>) => {
      const abort = new AbortController();
      const body = bodies.body(content, clientOf(name, abort));
      const reader = () => (body instanceof ReadableStream ? body.getReader() : undefined);
      return { body, reader, goAway: () => abort.abort() };
    },
  };
}

const bytes = (size: number, fill = 1) => new Uint8Array(size).fill(fill);

test("a small body is passed to the runtime and uses no budget", () => {
  const { bodies, send } = streamed(PART);
  const content = bytes(32 * 1024);
  expect(send("small", content).body).toBe(content);
  expect(bodies.bytes).toBe(0);
});

test("a large body arrives whole and uses the budget until then", async () => {
  const { bodies, send } = streamed(10 * PART);
  const sent = new Uint8Array(randomBytes(200_000));
  const { body } = send("whole", sent);
  expect(bodies.bytes).toBe(sent.length + PART);
  expect(new Uint8Array(await new Response(body).arrayBuffer())).toEqual(sent);
  expect(bodies.bytes).toBe(0);
});

test("a body for many clients is counted once, plus one part for each client", () => {
  const { bodies, send } = streamed(200 * PART);
  const content = bytes(10 * PART);
  const clients = Array.from({ length: 100 }, (_, i) => send(`${i}`, content));
  expect(bodies.bytes).toBe(110 * PART);
  for (const { goAway } of clients) goAway();
  expect(bodies.bytes).toBe(0);
});

test("a client that cancels and disconnects releases its memory once", async () => {
  const { bodies, send } = streamed(100 * PART);
  const { reader, goAway } = send("gone", bytes(3 * PART));
  const parts = reader();
  await parts?.read();
  await parts?.cancel();
  goAway();
  expect(bodies.bytes).toBe(0);
});

test("a body over the budget is refused, unless a client that has read nothing for five seconds can be dropped", async () => {
  const { bodies, send, after, closing } = streamed(25 * PART);
  const stalled = send("stalled", bytes(10 * PART, 1));
  const slow = send("slow", bytes(10 * PART, 2)).reader();
  expect(send("third", bytes(10 * PART, 3)).body).toBeUndefined();
  after(4000);
  await slow?.read();
  after(1000);
  expect(send("third", bytes(10 * PART, 3)).body).toBeInstanceOf(ReadableStream);
  expect(closing).toEqual(["stalled"]);
  expect(bodies.bytes).toBe(22 * PART);
  // The dropped client gets no further part; its connection is being closed.
  const nothing = Bun.sleep(20).then(() => "nothing");
  expect(await Promise.race([stalled.reader()?.read(), nothing])).toBe("nothing");
  expect((await slow?.read())?.value).toEqual(bytes(PART, 2));
});

test("a body larger than the whole budget is sent when no other is in progress", () => {
  const { send } = streamed(PART);
  const { body, goAway } = send("huge", bytes(10 * PART));
  expect(body).toBeInstanceOf(ReadableStream);
  expect(send("another", bytes(2 * PART)).body).toBeUndefined();
  goAway();
  expect(send("another", bytes(2 * PART)).body).toBeInstanceOf(ReadableStream);
});

/** Pieces of `PART` bytes, which count how many were read and whether their source was ended. */
function piecesOf(count: number, failsAt = Number.POSITIVE_INFINITY) {
  const state = { read: 0, isEnded: false };
  async function* pieces(): AsyncGenerator<Uint8Array> {
    try {
      for (; state.read < count; state.read++) {
        if (state.read === failsAt) throw new Error("the file is gone");
        yield bytes(PART, state.read);
      }
    } finally {
      state.isEnded = true;
    }
  }
  return { state, pieces: pieces(), length: count * PART };
}

test("pieces that share one buffer arrive whole, in a small body and in a large one", async () => {
  const { bodies, clientOf } = streamed(2 * PART);
  async function* overwritten(count: number) {
    const piece = new Uint8Array(8 * 1024);
    for (let i = 0; i < count; i++) yield piece.fill(i);
  }
  for (const count of [3, 30]) {
    const client = clientOf("reader", new AbortController());
    const body = await bodies.pieces(overwritten(count), count * 8 * 1024, client);
    using server = Bun.serve({ port: 0, fetch: () => new Response(body) });
    const received = new Uint8Array(await (await fetch(server.url)).arrayBuffer());
    expect(received.length).toBe(count * 8 * 1024);
    expect(received.every((byte, at) => byte === at >> 13)).toBe(true);
  }
});

test("pieces are read only as the client reads them, and use the budget of one part", async () => {
  const { bodies, clientOf } = streamed(2 * PART);
  const { state, pieces, length } = piecesOf(20);
  const body = await bodies.pieces(pieces, length, clientOf("reader", new AbortController()));
  const reader = (body as ReadableStream<Uint8Array>).getReader();
  for (let i = 0; i < 3; i++) expect((await reader.read()).value?.[0]).toBe(i);
  expect([state.read, bodies.bytes]).toEqual([2, PART]);
  while (!(await reader.read()).done);
  expect([state.read, state.isEnded, bodies.bytes]).toEqual([20, true, 0]);
});

test("pieces of a short body are passed to the runtime at once, which then sends their length", async () => {
  const { bodies, clientOf } = streamed(PART);
  const client = clientOf("short", new AbortController());
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (let i = 0; i < 4; i++) yield bytes(8 * 1024, i);
  }
  const body = await bodies.pieces(pieces(), 32 * 1024, client);
  expect((body as Uint8Array).length).toBe(32 * 1024);
  expect(bodies.bytes).toBe(0);
});

test("pieces over the budget are refused, unless a client that has read nothing for five seconds can be dropped", async () => {
  const { bodies, clientOf, after, closing } = streamed(PART);
  const [stalled, next] = [piecesOf(3), piecesOf(3)];
  const first = await bodies.pieces(
    stalled.pieces,
    stalled.length,
    clientOf("stalled", new AbortController()),
  );
  await (first as ReadableStream).getReader().read();
  const ask = () => bodies.pieces(next.pieces, next.length, clientOf("next", new AbortController()));
  expect(await ask()).toBeUndefined();
  after(5000);
  expect(await ask()).toBeInstanceOf(ReadableStream);
  expect(closing).toEqual(["stalled"]);
  await Promise.resolve();
  expect(stalled.state.isEnded).toBe(true);
});

test("a client that disconnects ends the source of its pieces", async () => {
  const { bodies, clientOf } = streamed(PART);
  const { state, pieces, length } = piecesOf(3);
  const abort = new AbortController();
  const body = await bodies.pieces(pieces, length, clientOf("gone", abort));
  await (body as ReadableStream).getReader().read();
  abort.abort();
  await Promise.resolve();
  expect([state.isEnded, bodies.bytes]).toEqual([true, 0]);
});

test("a body whose next piece can't be read closes the connection and is reported", async () => {
  const { bodies, clientOf, closing, failures } = streamed(PART);
  const { pieces, length } = piecesOf(3, 1);
  const body = await bodies.pieces(pieces, length, clientOf("broken", new AbortController()));
  const reader = (body as ReadableStream<Uint8Array>).getReader();
  expect((await reader.read()).value).toEqual(bytes(PART, 0));
  const nothing = Bun.sleep(20).then(() => "nothing");
  expect(await Promise.race([reader.read(), nothing])).toBe("nothing");
  expect([closing, failures, bodies.bytes]).toEqual([["broken"], [new Error("the file is gone")], 0]);
});
