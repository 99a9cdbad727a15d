import { LogThrottle } from "../../../primitives/logging/log-throttle.ts";
import type { Logger } from "../../../primitives/logging/logger.ts";
import { type MonotonicClock, monotonicMs } from "../../../primitives/monotonic-clock.ts";

/** A disk that fails makes each request for a page fail in the same way. */
const LIMITS = { maxLines: 1, windowMs: 600_000 };

/** A log whose warnings, which are of the server's disk, are written once in ten minutes; the others are counted. */
export function failureLog(log: Logger, now: MonotonicClock = monotonicMs): Logger {
  const throttle = new LogThrottle((message) => log.warn(message), now, LIMITS);
  return {
    info: (message) => log.info(message),
    warn: (message) => throttle.log("pages that the disk made fail", message),
    error: (message, cause) => log.error(message, cause),
  };
}
