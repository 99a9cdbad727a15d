import { expect, test } from "bun:test";
import { WaitingBodies } from "../../../../src/frontends/http/requests/waiting-bodies.ts";
import { randomBytes } from "../../../support/random-bytes.ts";

const PART = 64 * 1024;

/** Bodies within `capacity` bytes, sent to clients that take parts when a test says so. */
function waiting(capacity: number) {
  let now = 0;
  const bodies = new WaitingBodies(capacity, () => now);
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

test("a small body is left to the runtime, and takes no room", () => {
  const { bodies, send } = waiting(PART);
  const content = bytes(32 * 1024);
  expect(send("small", content).body).toBe(content);
  expect(bodies.bytes).toBe(0);
});

test("a large one arrives whole, and takes room until then", async () => {
  const { bodies, send } = waiting(10 * PART);
  const sent = new Uint8Array(randomBytes(200_000));
  const { body } = send("whole", sent);
  expect(bodies.bytes).toBe(sent.length + PART);
  expect(new Uint8Array(await new Response(body).arrayBuffer())).toEqual(sent);
  expect(bodies.bytes).toBe(0);
});

test("what is sent to many is kept once, with a part for each", () => {
  const { bodies, send } = waiting(200 * PART);
  const content = bytes(10 * PART);
  const clients = Array.from({ length: 100 }, (_, i) => send(`${i}`, content));
  expect(bodies.bytes).toBe(110 * PART);
  for (const { goAway } of clients) goAway();
  expect(bodies.bytes).toBe(0);
});

test("a client that cancels or goes away gives its room back once", async () => {
  const { bodies, send } = waiting(100 * PART);
  const { reader, goAway } = send("gone", bytes(3 * PART));
  const parts = reader();
  await parts?.read();
  await parts?.cancel();
  goAway();
  expect(bodies.bytes).toBe(0);
});

test("without room a body is refused, unless clients have taken nothing for five seconds: they have to go", async () => {
  const { bodies, send, after, closing } = waiting(25 * PART);
  const stalled = send("stalled", bytes(10 * PART, 1));
  const slow = send("slow", bytes(10 * PART, 2)).reader();
  expect(send("third", bytes(10 * PART, 3)).body).toBeUndefined();
  after(4000);
  await slow?.read();
  after(1000);
  expect(send("third", bytes(10 * PART, 3)).body).toBeInstanceOf(ReadableStream);
  expect(closing).toEqual(["stalled"]);
  expect(bodies.bytes).toBe(22 * PART);
  // What it would read next never comes; its connection is being closed.
  const nothing = Bun.sleep(20).then(() => "nothing");
  expect(await Promise.race([stalled.reader()?.read(), nothing])).toBe("nothing");
  expect((await slow?.read())?.value).toEqual(bytes(PART, 2));
});

test("one that is larger than all the room is sent when nothing else is", () => {
  const { send } = waiting(PART);
  const { body, goAway } = send("huge", bytes(10 * PART));
  expect(body).toBeInstanceOf(ReadableStream);
  expect(send("another", bytes(2 * PART)).body).toBeUndefined();
  goAway();
  expect(send("another", bytes(2 * PART)).body).toBeInstanceOf(ReadableStream);
});
