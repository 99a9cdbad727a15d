import { expect, test } from "bun:test";
import { failureLog } from "../../../../src/backends/web/requests/failure-log.ts";

test("pages that the disk makes fail are one line of the log in ten minutes, which then counts the others", () => {
  const lines: string[] = [];
  let now = 0;
  const log = failureLog(
    { info: () => undefined, warn: (message) => void lines.push(message), error: () => undefined },
    () => now,
  );
  for (let i = 0; i < 5; i++) log.warn("no room");
  expect(lines).toEqual(["no room"]);
  now = 600_000;
  log.warn("no room");
  expect(lines).toEqual([
    "no room",
    "4 more lines of this kind were dropped (pages that the disk made fail)",
    "no room",
  ]);
});
