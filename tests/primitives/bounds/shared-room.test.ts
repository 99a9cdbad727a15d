import { expect, test } from "bun:test";
import { type Hold, SharedRoom } from "../../../src/primitives/bounds/shared-room.ts";

async function isLost({ lost }: Hold): Promise<boolean> {
  return (await Promise.race([lost, Promise.resolve("kept")])) === "lost";
}

test("who holds the most gives way to others, the oldest first", async () => {
  const room = new SharedRoom(100);
  const bobs = Array.from({ length: 10 }, () => room.enter("bob"));
  for (const hold of bobs) expect(hold.take(10)).toBe(true);
  const alice = room.enter("alice");
  expect(alice.take(15)).toBe(true);
  expect(await Promise.all(bobs.map(isLost))).toEqual([true, true, ...Array(8).fill(false)]);
  expect(room.taken).toBe(95);
  for (const hold of [...bobs, alice]) hold.end();
  expect(room.taken).toBe(0);
});

test("nobody takes room from who holds no more", async () => {
  const room = new SharedRoom(100);
  const [alice, bob] = [room.enter("alice"), room.enter("bob")];
  alice.take(50);
  bob.take(50);
  expect(room.enter("alice").take(1)).toBe(false);
  expect(room.enter("carol").take(50)).toBe(false);
  expect(await Promise.all([alice, bob].map(isLost))).toEqual([false, false]);
  expect(room.enter("carol").take(49)).toBe(true);
  expect(await isLost(alice)).toBe(true);
});

test("what is kept is not given to others", async () => {
  const room = new SharedRoom(100);
  const kept = room.enter("bob");
  kept.take(90);
  kept.keep();
  expect(room.enter("alice").take(20)).toBe(false);
  expect(await isLost(kept)).toBe(false);
  kept.end();
  expect(room.enter("alice").take(20)).toBe(true);
});

test("what is larger than the whole has room when nothing else is there", () => {
  const room = new SharedRoom(100);
  const large = room.enter("alice");
  expect(large.take(150)).toBe(true);
  expect(room.enter("alice").take(1)).toBe(false);
  large.end();
  expect(room.enter("alice").take(1)).toBe(true);
});
