import { expect, test } from "bun:test";
import { Heartbeat, SilenceMeter } from "../../../src/primitives/threads/heartbeat.ts";

/** A heart that beats, and a meter that looks, when a test says so. */
function measured() {
  const heart = { beats: 1 };
  let now = 0;
  const meter = new SilenceMeter(heart, () => now);
  return {
    beat: () => {
      heart.beats++;
    },
    after: (ms: number) => {
      now += ms;
      return meter.look();
    },
    heart,
  };
}

test("silence grows from look to look and ends with a beat", () => {
  const { after, beat } = measured();
  expect([after(500), after(400), after(500)]).toEqual([500, 900, 1400]);
  beat();
  expect([after(500), after(500)]).toEqual([0, 500]);
});

test("a thread is not blamed for time in which nobody looked", () => {
  const { after, beat } = measured();
  beat();
  after(500);
  // The process was suspended for an hour; its threads go on in any order.
  expect([after(3_600_000), after(500)]).toEqual([500, 1000]);
  beat();
  expect(after(500)).toBe(0);
});

test("on a machine so busy that looks come late, silence counts looks rather than time", () => {
  const { after } = measured();
  expect([after(5000), after(7000), after(3000)]).toEqual([500, 1000, 1500]);
});

test("a thread that has not begun to beat is not silent", () => {
  const { after, heart } = measured();
  heart.beats = 0;
  expect([after(500), after(500), after(500)]).toEqual([0, 0, 0]);
});

test("a heart beats in memory that threads share", () => {
  const heart = new Heartbeat();
  const seen = new Heartbeat(heart.memory);
  expect(seen.beats).toBe(0);
  heart.start();
  expect(seen.beats).toBe(1);
});
