import { expect, test } from "bun:test";
import { atOnce, inTurns, sha256Steps } from "../../../src/primitives/jobs/in-turns.ts";
import { randomBytes } from "../../support/random-bytes.ts";

test("work in turns lets others have the thread between its steps", async () => {
  let turns = 0;
  const busy = function* () {
    for (let i = 0; i < 5; i++) {
      const end = performance.now() + 3;
      while (performance.now() < end);
      yield;
    }
    return turns;
  };
  const counting = setInterval(() => turns++, 0);
  const seen = await inTurns(busy());
  clearInterval(counting);
  expect(seen).toBeGreaterThan(0);
});

test("a checksum in steps is that of all bytes", () => {
  const bytes = randomBytes(3_000_000);
  const expected = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
  const steps = sha256Steps(bytes.subarray(0, 10), bytes.subarray(10));
  expect(Buffer.from(atOnce(steps)).toString("hex")).toBe(expected);
});
