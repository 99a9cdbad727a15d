import { expect, spyOn, test } from "bun:test";
import { consoleLogger } from "../../../src/primitives/logging/logger.ts";

function written(log: () => void): string[] {
  const lines: string[] = [];
  const spy = spyOn(process.stderr, "write").mockImplementation((text) => {
    lines.push(String(text));
    return true;
  });
  try {
    log();
  } finally {
    spy.mockRestore();
  }
  return lines;
}

test("a log message can contain neither control characters nor line ends", () => {
  const [line = ""] = written(() => consoleLogger.warn("login of \x9b2J\u202e\n2026-01-01 info  fine"));
  expect(line).toMatch(/^\S+Z warn {2}login of \\u009b2J\\u202e\\u000a2026-01-01 info {2}fine\n$/);
});

test("an error is logged with its message on one line and its stack", () => {
  const [text = ""] = written(() => consoleLogger.error("a job failed", new TypeError("bad\n\x1bc")));
  const [first = "", ...frames] = text.trimEnd().split("\n");
  expect(first).toEndWith("error a job failed: TypeError: bad\\u000a\\u001bc");
  expect(frames.length).toBeGreaterThan(0);
  expect(frames.every((frame) => /^ +at /.test(frame))).toBe(true);
});

test("a full disk is logged as one line without a stack", () => {
  const full = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
  const [text = ""] = written(() => consoleLogger.error("the file can't be written", full));
  expect(text.trimEnd()).toEndWith(
    "error the file can't be written: Error: ENOSPC: no space left on device, write",
  );
});
