import { monotonicMs } from "../../../../monotonic-clock.ts";

/** A moment by both clocks of this machine, in milliseconds. */
export interface Moment {
  readonly monotonic: number;
  readonly wall: number;
}

export type LogClock = () => Moment;

export const systemClock: LogClock = () => ({ monotonic: monotonicMs(), wall: Date.now() });

/** The longer of what the clocks say: the monotonic one may stop while the machine is suspended, the other may be set back. */
export function msBetween(from: Moment, to: Moment): number {
  return Math.max(to.monotonic - from.monotonic, to.wall - from.wall);
}
