import { uptime } from "node:os";

/** The runtime's steady clock begins with each thread, the machine's is the same for all of them. */
const THREAD_BEGAN = uptime() - performance.now() / 1000;

/** Whole seconds, the same in every thread. Unlike the time of day they are never set, and 32 bits hold 68 years of them. */
export function secondsSinceBoot(): number {
  return Math.floor(THREAD_BEGAN + performance.now() / 1000);
}
