import { type MonotonicClock, monotonicMs } from "../monotonic-clock.ts";

export interface LogLimits {
  /** Maximal lines of one kind within the window; further lines are only counted. */
  readonly maxLines: number;
  readonly windowMs: number;
}

const LIMITS: LogLimits = { maxLines: 10, windowMs: 60_000 };

interface Window {
  began: number;
  lines: number;
  dropped: number;
}

/** Limits log lines that clients can cause at will. */
export class LogThrottle {
  readonly #write: (message: string) => void;
  readonly #now: MonotonicClock;
  readonly #limits: LogLimits;
  readonly #windows = new Map<string, Window>();

  constructor(write: (message: string) => void, now: MonotonicClock = monotonicMs, limits = LIMITS) {
    this.#limits = limits;
    this.#write = write;
    this.#now = now;
  }

  /** `kind` is one of a few; each has its own window. */
  log(kind: string, message: string): void {
    const now = this.#now();
    let window = this.#windows.get(kind);
    if (!window || now - window.began >= this.#limits.windowMs) {
      const dropped = window?.dropped ?? 0;
      if (dropped > 0) this.#write(`${dropped} more lines of this kind were dropped (${kind})`);
      window = { began: now, lines: 0, dropped: 0 };
      this.#windows.set(kind, window);
    }
    if (window.lines >= this.#limits.maxLines) {
      window.dropped++;
      return;
    }
    window.lines++;
    this.#write(message);
  }
}
