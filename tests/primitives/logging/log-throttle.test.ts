import { expect, test } from "bun:test";
import { LogThrottle } from "../../../src/primitives/logging/log-throttle.ts";

test("a flood of log messages writes a few lines, and later the number of dropped ones", () => {
  let now = 0;
  const lines: string[] = [];
  const throttle = new LogThrottle(
    (line) => lines.push(line),
    () => now,
  );
  for (let i = 0; i < 1000; i++) throttle.log("refused", `line ${i}`);
  throttle.log("other", "another kind");
  expect(lines).toEqual([...Array.from({ length: 10 }, (_, i) => `line ${i}`), "another kind"]);
  lines.length = 0;
  now = 60_000;
  throttle.log("refused", "a minute later");
  expect(lines).toEqual(["990 more lines of this kind were dropped (refused)", "a minute later"]);
});
