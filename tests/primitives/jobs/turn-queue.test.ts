import { expect, test } from "bun:test";
import { TurnQueue } from "../../../src/primitives/jobs/turn-queue.ts";

/** Keeps the thread for a moment. */
function work(): void {
  for (const end = performance.now() + 2; performance.now() < end; );
}

test("of many that wait one has its turn between two turns of everything else", async () => {
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

test("one that is alone has its turn at once, again and again", async () => {
  const turns = new TurnQueue();
  for (let i = 0; i < 1000; i++) await turns.next();
});

test("one whose turn fails keeps nobody else from theirs", async () => {
  const turns = new TurnQueue();
  const failing = turns.next().then(() => {
    throw new Error("failed");
  });
  await expect(failing).rejects.toThrow("failed");
  await turns.next();
});
