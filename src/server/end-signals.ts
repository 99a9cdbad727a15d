import type { Logger } from "../primitives/logging/logger.ts";
import { SharedText } from "../primitives/threads/shared-text.ts";
import type { Lifetime } from "./lifetime.ts";
import type { WatchdogMessage } from "./stop-watchdog.ts";

/** How much longer than for the requests under way a stop may take for everything else, in milliseconds. */
export const STOP_SLACK_MS = 5000;
/** How much later than the main thread itself the watchdog ends the process. */
const WATCHDOG_SLACK_MS = 1000;

/** Of the names of what is under way. */
const MAX_RUNNING_BYTES = 1000;
/** Timers can't wait longer. */
const MAX_TIMER_MS = 2 ** 31 - 1;
const EXIT_FAILURE = 1;
const EXIT_INTERRUPTED = 130;

export interface EndSignalOptions {
  /** Milliseconds from the first signal to the end of the process. */
  readonly deadlineMs: number;
  readonly log: Logger;
  readonly exit: (code: number) => void;
  /** Starts a thread that runs `stop-watchdog.ts`. */
  readonly startWatchdog?: () => Pick<Worker, "postMessage">;
}

/**
 * Has SIGTERM and Ctrl-C end a server, from now on: the first asks for its end, a second one ends the process at once. Whatever
 * hangs, the process ends within the deadline: what was acknowledged is durable already. Resolves at the first signal.
 */
export function endOnSignals(
  lifetime: Lifetime,
  { deadlineMs, log, exit, startWatchdog = spawnWatchdog }: EndSignalOptions,
): Promise<void> {
  const wait = Math.min(deadlineMs, MAX_TIMER_MS - WATCHDOG_SLACK_MS);
  return new Promise((resolve) => {
    const onSignal = () => {
      if (lifetime.signal.aborted) return exit(EXIT_INTERRUPTED);
      const running = SharedText.ofSize(MAX_RUNNING_BYTES);
      lifetime.onRunning((names) => running.write(names.join(", ")));
      const message: WatchdogMessage = {
        deadlineMs: wait + WATCHDOG_SLACK_MS,
        running: running.memory,
      };
      startWatchdog().postMessage(message);
      lifetime.requestEnd();
      setTimeout(() => {
        const what = lifetime.running.join(", ") || "nothing that is known";
        log.warn(`the server has not ended within ${wait / 1000} s and is cut off; still under way: ${what}`);
        exit(EXIT_FAILURE);
      }, wait);
      resolve();
    };
    process.on("SIGINT", onSignal);
    process.on("SIGTERM", onSignal);
  });
}

function spawnWatchdog(): Worker {
  const worker = new Worker(new URL("./stop-watchdog.ts", import.meta.url));
  // Without it, the main thread's own deadline holds.
  worker.addEventListener("error", (event) => event.preventDefault());
  return worker;
}
