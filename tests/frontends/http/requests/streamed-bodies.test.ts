import { expect, test } from "bun:test";
import { StreamedBodies } from "../../../../src/frontends/http/requests/streamed-bodies.ts";
import { randomBytes } from "../../../support/random-bytes.ts";

const PART = 64 * 1024;

/** Bodies with a budget of `capacity` bytes, whose clients read parts on demand. */
function streamed(capacity: number) {
  let now = 0;
  const bodies = new StreamedBodies(capacity, () => now);
  const closing: string[] = [];
  return {
    bodies,
    closing,
    after: (ms: number) => {
      now += ms;
    },
    send: (name: string, content: Uint8Array<ArrayBuffer>) => {
      const abort = new AbortController();
      const body = bodies.body(content, abort, { closeIfIdleFor: () => void closing.push(name) });
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
