import { expect, test } from "bun:test";
import { OverloadedError, Semaphore } from "../../../src/primitives/bounds/semaphore.ts";

test("who gives up waiting leaves the line, and the next one gets the turn", async () => {
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

test("who has given up before takes no turn, and one that gives up while at work keeps it", async () => {
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
