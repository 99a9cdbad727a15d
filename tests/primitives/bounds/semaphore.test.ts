import { expect, test } from "bun:test";
import { OverloadedError, Semaphore } from "../../../src/primitives/bounds/semaphore.ts";

test("a semaphore passes an aborted waiter's place to the next one", async () => {
  const semaphore = new Semaphore(1, 2);
  const first = Promise.withResolvers<void>();
  const running = semaphore.run(() => first.promise);
  const abort = new AbortController();
  let wasRun = false;
  const second = semaphore.run(async () => {
    wasRun = true;
  }, abort.signal);
  const third = semaphore.run(async () => "third");
  expect(await semaphore.run(async () => "too many").catch((error) => error)).toBeInstanceOf(OverloadedError);
  abort.abort(new Error("gone"));
  expect(await second.catch(String)).toBe("Error: gone");
  // Its place is free for somebody else.
  const fourth = semaphore.run(async () => "fourth");
  first.resolve();
  expect(await Promise.all([running, third, fourth])).toEqual([undefined, "third", "fourth"]);
  expect(wasRun).toBe(false);
});

test("a semaphore refuses an aborted waiter, and lets a holder finish that is aborted", async () => {
  const semaphore = new Semaphore(1, 1);
  expect(await semaphore.run(async () => 1, AbortSignal.abort(new Error("gone"))).catch(String)).toBe(
    "Error: gone",
  );
  const abort = new AbortController();
  const running = semaphore.run(async () => {
    abort.abort();
    return "done";
  }, abort.signal);
  expect(await running).toBe("done");
  expect(await semaphore.run(async () => "free")).toBe("free");
});
