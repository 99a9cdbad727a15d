import { expect, test } from "bun:test";
import { SharedBodies } from "../../../../src/frontends/http/requests/shared-bodies.ts";

const LARGE = 100_000;
const CAPACITY = 10 * LARGE;

function shared() {
  let waiting = 0;
  const bodies = new SharedBodies(() => waiting, CAPACITY);
  return {
    bodies,
    waitFor: (count: number) => {
      waiting = count;
    },
  };
}

const content = (size = LARGE) => new Uint8Array(size).fill(1);

test("a small body is passed to the runtime", () => {
  const { bodies } = shared();
  const small = content(32 * 1024);
  expect(bodies.body(small)).toBe(small);
});

test("all clients of a large body share one object that has its length", async () => {
  const { bodies, waitFor } = shared();
  const large = content();
  const body = bodies.body(large);
  waitFor(5000);
  for (let i = 0; i < 5000; i++) expect(bodies.body(large)).toBe(body as Blob);
  expect((body as Blob).size).toBe(LARGE);
  expect(new Uint8Array(await new Response(body).arrayBuffer())).toEqual(large);
});

test("a different body is refused once pending bodies may use up the budget", () => {
  const { bodies, waitFor } = shared();
  const first = content();
  expect(bodies.body(first)).toBeInstanceOf(Blob);
  for (let i = 1; i < 10; i++) {
    waitFor(i);
    expect(bodies.body(content())).toBeInstanceOf(Blob);
  }
  waitFor(10);
  expect(bodies.body(content())).toBeUndefined();
  // A pending body needs no more memory for another client.
  expect(bodies.body(first)).toBeInstanceOf(Blob);
  waitFor(9);
  expect(bodies.body(content())).toBeInstanceOf(Blob);
});

test("only as many bodies count as there are pending responses", () => {
  const { bodies, waitFor } = shared();
  for (let i = 0; i < 100; i++) expect(bodies.body(content())).toBeInstanceOf(Blob);
  waitFor(2);
  for (let i = 0; i < 100; i++) expect(bodies.body(content())).toBeInstanceOf(Blob);
});

test("a body larger than the whole budget is sent when no other large body is pending", () => {
  const { bodies, waitFor } = shared();
  waitFor(3);
  expect(bodies.body(content(2 * CAPACITY))).toBeInstanceOf(Blob);
  expect(bodies.body(content())).toBeUndefined();
});
