import { expect, test } from "bun:test";
import { Turns } from "../../src/primitives/turns.ts";

test("pieces of work are done in their order, and the event loop turns between them", async () => {
  const turns = new Turns();
  const done: string[] = [];
  const pieces = Array.from({ length: 3 }, async (_, i) => {
    await turns.next();
    done.push(`piece ${i}`);
    if (i < 2) setImmediate(() => done.push("something else"));
  });
  await Promise.all(pieces);
  expect(done.filter((what) => what.startsWith("piece"))).toEqual(["piece 0", "piece 1", "piece 2"]);
  expect(done.indexOf("something else")).toBeLessThan(done.indexOf("piece 2"));
});
