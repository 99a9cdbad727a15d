import { expect, test } from "bun:test";
import { ByteRoom } from "../../../src/primitives/bounds/byte-room.ts";

test("so much is taken as there is room for, and again what was given back", () => {
  const room = new ByteRoom(100);
  expect([room.take(60), room.take(50), room.take(40)]).toEqual([true, false, true]);
  expect(room.taken).toBe(100);
  room.give(60);
  expect([room.take(61), room.take(60)]).toEqual([false, true]);
});

test("what is larger than the whole has room alone", () => {
  const room = new ByteRoom(100);
  expect(room.take(1000)).toBe(true);
  expect(room.take(1)).toBe(false);
  room.give(1000);
  expect([room.take(1), room.take(1000)]).toEqual([true, false]);
});
