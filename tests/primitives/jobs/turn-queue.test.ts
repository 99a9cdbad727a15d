import { expect, test } from "bun:test";
import { TurnQueue } from "../../../src/primitives/jobs/turn-queue.ts";

/** Keeps the thread for a moment. */
function work(): void {
  for (const end = performance.now() + 2; performance.now() < end; );
}

test("one of many waiting tasks runs in each turn of the event loop", async () => {
  const turns = new TurnQueue();
  const order: string[] = [];
  const all = Promise.all(
    ["a", "b", "c", "d"].map(async (name) => {
      await turns.next();
      order.push(name);
      work();
    }),
  );
  let isDone = false;
  const others = (async () => {
    while (!isDone) {
      order.push("-");
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  await all;
  isDone = true;
  await others;
  expect(order.join("")).not.toMatch(/[a-d]{2}/);
  expect(order.filter((name) => name !== "-")).toEqual(["a", "b", "c", "d"]);
});

test("a task that waits alone runs at once", async () => {
  const turns = new TurnQueue();
  for (let i = 0; i < 1000; i++) await turns.next();
});

test("a task that fails does not keep the other tasks from running", async () => {
  const turns = new TurnQueue();
  const failing = turns.next().then(() => {
    throw new Error("failed");
  });
  await expect(failing).rejects.toThrow("failed");
  await turns.next();
});
