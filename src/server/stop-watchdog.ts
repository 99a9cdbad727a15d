/**
 * The entry point of a thread that ends the process if a stop takes too long because the main thread hangs in a system call,
 * such as a sync to an unresponsive disk.
 */
import { writeSync } from "node:fs";
import { consoleLine } from "../primitives/logging/logger.ts";
import { SharedText } from "../primitives/threads/shared-text.ts";

export interface WatchdogMessage {
  /** Time until the process is ended. */
  readonly deadlineMs: number;
  /** Memory of a `SharedText` that names the steps in progress. */
  readonly running: SharedArrayBuffer;
}

const STDERR = 2;

declare const self: Worker;

self.addEventListener("message", ({ data: { deadlineMs, running } }: MessageEvent<WatchdogMessage>) => {
  // Waits without an event loop, which would collect garbage and then wait for the hanging threads.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, deadlineMs);
  const what = new SharedText(running).read() || "nothing that is known";
  writeSync(STDERR, consoleLine("warn", `the server hangs and is killed; still under way: ${what}`));
  process.kill(process.pid, "SIGKILL");
});
