import { describe, expect, test } from "bun:test";
import { nextTurn } from "../../../../../src/primitives/jobs/next-turn.ts";
import {
  type UploadTurn,
  UploadTurns,
} from "../../../../../src/primitives/store/engine/local/upload-turns.ts";

const MIB = 1024 * 1024;

/** Takes in so many MiB, one at a time, from a client that is never late, and notes each. */
async function upload(turn: UploadTurn, name: string, mib: number, order: string[]): Promise<void> {
  for (let i = 0; i < mib; i++) {
    turn.idle();
    await turn.ready(MIB);
    order.push(name);
    await nextTurn();
  }
  turn.end();
}

describe("large uploads", () => {
  test("take turns of some MiB until each has ended", async () => {
    const turns = new UploadTurns();
    const order: string[] = [];
    await Promise.all(["a", "b", "c"].map((name) => upload(turns.begin(), name, 8, order)));
    expect(order.toSorted().join("")).toBe("a".repeat(8) + "b".repeat(8) + "c".repeat(8));
    const changes = order.filter((name, i) => name !== order[i - 1]).length;
    expect(changes).toBeLessThanOrEqual(8);
  });

  test("don't wait for one whose client is slow", async () => {
    const turns = new UploadTurns();
    const slow = turns.begin();
    await slow.ready(MIB);
    slow.idle();
    const order: string[] = [];
    await upload(turns.begin(), "fast", 8, order);
    expect(order).toHaveLength(8);
    await slow.ready(MIB);
    slow.end();
  });

  test("let the beginning of any other pass", async () => {
    const turns = new UploadTurns();
    const large = turns.begin();
    await large.ready(MIB);
    expect(turns.begin().ready(64 * 1024)).toBeUndefined();
    const waiting = turns.begin().ready(MIB);
    expect(waiting).toBeInstanceOf(Promise);
    large.end();
    await waiting;
  });
});

test("an upload is alone while no other large one is under way", async () => {
  const turns = new UploadTurns();
  const [first, small] = [turns.begin(), turns.begin()];
  await small.ready(1000);
  expect(small.isAlone).toBe(false);
  await first.ready(MIB);
  expect(first.isAlone).toBe(true);
  const second = turns.begin();
  const waiting = second.ready(MIB);
  expect(first.isAlone).toBe(false);
  first.end();
  await waiting;
  expect(second.isAlone).toBe(true);
  second.end();
  small.end();
});
