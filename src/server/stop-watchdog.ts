/**
 * The entry point of a thread that ends the process when a stop takes too long while the main thread hangs in a call of the
 * system, as in a sync of a disk that does not answer, and can't do it itself.
 */
import { writeSync } from "node:fs";
import { consoleLine } from "../primitives/logging/logger.ts";
import { SharedText } from "../primitives/threads/shared-text.ts";

export interface WatchdogMessage {
  /** How long to wait from now on. */
  readonly deadlineMs: number;
  /** What is under way now: a `SharedText`. */
  readonly running: SharedArrayBuffer;
}

const STDERR = 2;

declare const self: Worker;

self.addEventListener("message", ({ data: { deadlineMs, running } }: MessageEvent<WatchdogMessage>) => {
  // It waits without an event loop: that would collect garbage, which waits for threads that hang.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, deadlineMs);
  const what = new SharedText(running).read() || "nothing that is known";
  writeSync(STDERR, consoleLine("warn", `the server hangs and is killed; still under way: ${what}`));
  process.kill(process.pid, "SIGKILL");
});
