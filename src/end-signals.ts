import type { Lifetime } from "./lifetime.ts";
import type { Logger } from "./primitives/logger.ts";

/** How much longer than for the requests under way a stop may take for everything else, in milliseconds. */
export const STOP_SLACK_MS = 5000;

/** Timers can't wait longer. */
const MAX_TIMER_MS = 2 ** 31 - 1;
const EXIT_FAILURE = 1;
const EXIT_INTERRUPTED = 130;

export interface EndSignalOptions {
  /** Milliseconds from the first signal to the end of the process. */
  readonly deadlineMs: number;
  readonly log: Logger;
  readonly exit: (code: number) => void;
}

/**
 * Has SIGTERM and Ctrl-C end a server, from now on: the first asks for its end, a second one ends the process at once. Whatever
 * hangs, the process ends within the deadline: what was acknowledged is durable already. Resolves at the first signal.
 */
export function endOnSignals(lifetime: Lifetime, { deadlineMs, log, exit }: EndSignalOptions): Promise<void> {
  return new Promise((resolve) => {
    const onSignal = () => {
      if (lifetime.signal.aborted) return exit(EXIT_INTERRUPTED);
      lifetime.requestEnd();
      setTimeout(
        () => {
          const what = lifetime.running.join(", ") || "nothing that is known";
          log.warn(
            `the server has not ended within ${deadlineMs / 1000} s and is cut off; still under way: ${what}`,
          );
          exit(EXIT_FAILURE);
        },
        Math.min(deadlineMs, MAX_TIMER_MS),
      );
      resolve();
    };
    process.on("SIGINT", onSignal);
    process.on("SIGTERM", onSignal);
  });
}
