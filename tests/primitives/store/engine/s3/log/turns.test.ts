import { expect, test } from "bun:test";
import { Turns } from "../../../../../../src/primitives/store/engine/s3/log/turns.ts";
import { eventually } from "../../../../../support/eventually.ts";
import { MemoryS3 } from "../../../../../support/memory-s3.ts";

function openTurns() {
  const s3 = new MemoryS3();
  let nowMs = 1000;
  const open = (node: string) => new Turns({ bucket: s3.bucket(), prefix: "turns/", node, now: () => nowMs });
  const pass = (ms: number) => {
    nowMs += ms;
  };
  /** Appends so often, without a pause, that the node looks for requests. */
  const append = async (turns: Turns) => {
    for (let i = 0; i < 4; i++) {
      await turns.appending();
      turns.appendedNow();
      pass(50);
    }
  };
  return { s3, open, pass, append };
}

test("a node that appends without a pause waits for the first node that asked, until that has appended", async () => {
  const { s3, open, append } = openTurns();
  const [busy, first, second] = [open("busy"), open("first"), open("second")];
  first.ask(7);
  second.ask(8);
  await eventually(() => s3.objects.size === 2);
  await append(busy);
  expect(busy.isHeld).toBe(true);
  busy.applied("second", 9);
  expect(busy.isHeld).toBe(true);
  busy.applied("first", 10);
  expect(busy.isHeld).toBe(false);
});

test("a node that appends now and then looks for no requests", async () => {
  const { s3, open, pass } = openTurns();
  const calm = open("calm");
  for (let i = 0; i < 10; i++) {
    await calm.appending();
    calm.appendedNow();
    pass(200);
  }
  expect(s3.requests).toEqual([]);
});

test("a node that asked and died holds nobody for long, and its request is removed", async () => {
  const { s3, open, pass, append } = openTurns();
  const busy = open("busy");
  open("dead").ask(7);
  await eventually(() => s3.objects.size === 1);
  await append(busy);
  expect(busy.isHeld).toBe(true);
  pass(3000);
  expect(busy.isHeld).toBe(false);
  await append(busy);
  expect(busy.isHeld).toBe(false);
  expect(await eventually(() => s3.objects.size === 0)).toBe(true);
});

test("the request of a node that died long ago holds nobody at all", async () => {
  const { s3, open, append } = openTurns();
  s3.now = () => new Date(Date.now() - 10_000);
  open("dead").ask(7);
  await eventually(() => s3.objects.size === 1);
  s3.now = () => new Date();
  const busy = open("busy");
  await append(busy);
  await append(busy);
  expect(busy.isHeld).toBe(false);
  expect(await eventually(() => s3.objects.size === 0)).toBe(true);
});

test("a node that asks again leaves one request", async () => {
  const { s3, open, pass } = openTurns();
  const one = open("one");
  one.ask(7);
  await eventually(() => s3.objects.size === 1);
  pass(2500);
  one.ask(9);
  expect(await eventually(() => [...s3.objects.keys()].join() === `turns/${"9".padStart(16, "0")}-one`)).toBe(
    true,
  );
});

test("a node takes its request back once it has appended, and waits for nobody while it asks", async () => {
  const { s3, open, append } = openTurns();
  const [one, other] = [open("one"), open("other")];
  one.ask(7);
  other.ask(7);
  await eventually(() => s3.objects.size === 2);
  for (let i = 0; i < 4; i++) await one.appending();
  expect(one.isHeld).toBe(false);
  await append(one);
  expect(await eventually(() => s3.objects.size === 1)).toBe(true);
});
