import type { Logger } from "../primitives/logging/logger.ts";
import { SharedText } from "../primitives/threads/shared-text.ts";
import type { Lifetime } from "./lifetime.ts";
import type { WatchdogMessage } from "./stop-watchdog.ts";

/** Additional time of a stop, after the timeout for requests in progress. */
export const STOP_SLACK_MS = 5000;
/** Delay of the watchdog after the main thread's own deadline. */
const WATCHDOG_SLACK_MS = 1000;

/** Maximal bytes of the text that names the current steps. */
const MAX_RUNNING_BYTES = 1000;
/** The longest delay of a timer. */
const MAX_TIMER_MS = 2 ** 31 - 1;
const EXIT_FAILURE = 1;
const EXIT_INTERRUPTED = 130;

export interface EndSignalOptions {
  /** Milliseconds from the beginning of a stop to the end of the process. */
  readonly deadlineMs: number;
  readonly log: Logger;
  readonly exit: (code: number) => void;
  /** Starts a thread that runs `stop-watchdog.ts`. */
  readonly startWatchdog?: () => Pick<Worker, "postMessage">;
}

/**
 * Handles SIGTERM and Ctrl-C from now on: the first signal requests a stop, a second one ends the process at once. The process
 * ends within the deadline even if a step hangs, also when it stops because its start failed; acknowledged writes are already
 * durable. Resolves at the first signal.
 */
export function endOnSignals(
  lifetime: Lifetime,
  { deadlineMs, log, exit, startWatchdog = spawnWatchdog }: EndSignalOptions,
): Promise<void> {
  const wait = Math.min(deadlineMs, MAX_TIMER_MS - WATCHDOG_SLACK_MS);
  let isArmed = false;
  const arm = () => {
    if (isArmed) return;
    isArmed = true;
    setTimeout(() => {
      const what = lifetime.running.join(", ") || "nothing that is known";
      log.warn(`the server has not ended within ${wait / 1000} s and is cut off; still under way: ${what}`);
      exit(EXIT_FAILURE);
    }, wait);
    const running = SharedText.ofSize(MAX_RUNNING_BYTES);
    lifetime.onRunning((names) => running.write(names.join(", ")));
    const message: WatchdogMessage = { deadlineMs: wait + WATCHDOG_SLACK_MS, running: running.memory };
    try {
      startWatchdog().postMessage(message);
    } catch (error) {
      log.error("no watchdog could be started for the stop", error);
    }
  };
  lifetime.onEnd(arm);
  return new Promise((resolve) => {
    const onSignal = () => {
      if (lifetime.signal.aborted) return exit(EXIT_INTERRUPTED);
      lifetime.requestEnd();
      resolve();
    };
    process.on("SIGINT", onSignal);
    process.on("SIGTERM", onSignal);
  });
}

function spawnWatchdog(): Worker {
  const worker = new Worker(new URL("./stop-watchdog.ts", import.meta.url));
  // Without a watchdog, the main thread's own deadline still applies.
  worker.addEventListener("error", (event) => event.preventDefault());
  return worker;
}
