import { expect, test } from "bun:test";
import { SharedBudget } from "../../../src/primitives/bounds/shared-budget.ts";
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

test("a body keeps its memory reserved until its handler is done", async () => {
  const budget = new SharedBudget(100);
  for (const request of [put("hello", { "Content-Length": "5" }), put(chunked("hel", "lo"))]) {
    const taken = await withBoundedBody(request, 10, budget.open("alice"), async (body) => [
      await text(body),
      budget.used,
    ]);
    expect(taken).toEqual(["hello", 5]);
    expect(budget.used).toBe(0);
  }
});

test("a body that is too long is not read to its end, with and without a Content-Length", async () => {
  const budget = new SharedBudget(100);
  expect(await withBoundedBody(put("hello", { "Content-Length": "5" }), 4, budget.open("alice"), text)).toBe(
    "too-long",
  );
  expect(await withBoundedBody(put(chunked("hel", "lo")), 4, budget.open("alice"), text)).toBe("too-long");
  expect(budget.used).toBe(0);
});

test("a body that is announced as a little too long is dropped before it is refused, a much longer one is not read", async () => {
  const budget = new SharedBudget(100);
  for (const [announced, isRead] of [
    ["30", true],
    ["33", false],
  ] as const) {
    const request = put(chunked("hel", "lo"), { "Content-Length": announced });
    expect(await withBoundedBody(request, 4, budget.open("alice"), text)).toBe("too-long");
    expect([announced, request.bodyUsed]).toEqual([announced, isRead]);
  }
  expect(budget.used).toBe(0);
});

test("a body over the memory budget is refused, and its memory is released", async () => {
  const budget = new SharedBudget(10);
  const other = budget.open("bob");
  other.reserve(6);
  other.pin();
  expect(await withBoundedBody(put("hello", { "Content-Length": "5" }), 10, budget.open("alice"), text)).toBe(
    "over-budget",
  );
  expect(await withBoundedBody(put(chunked("hel", "lo")), 10, budget.open("alice"), text)).toBe(
    "over-budget",
  );
  expect(budget.used).toBe(6);
});

test("a slow body is evicted for another client's, even when part of it has arrived", async () => {
  for (const headers of [{ "Content-Length": "8" }, {}]) {
    const budget = new SharedBudget(10);
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
      budget.open("bob"),
      text,
    );
    while (budget.used < 8) await new Promise(setImmediate);
    const taken = await withBoundedBody(
      put("hello", { "Content-Length": "5" }),
      10,
      budget.open("alice"),
      text,
    );
    expect(taken).toBe("hello");
    expect(await waiting).toBe("over-budget");
    expect(budget.used).toBe(0);
    expect(sent).toBeDefined();
  }
});
