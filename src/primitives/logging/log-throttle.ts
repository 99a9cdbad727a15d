import { type MonotonicClock, monotonicMs } from "../monotonic-clock.ts";

/** Maximal lines of one kind within the window; further lines are only counted. */
const MAX_LINES = 10;
const WINDOW_MS = 60_000;

interface Window {
  began: number;
  lines: number;
  dropped: number;
}

/** Limits log lines that clients can cause at will. */
export class LogThrottle {
  readonly #write: (message: string) => void;
  readonly #now: MonotonicClock;
  readonly #windows = new Map<string, Window>();

  constructor(write: (message: string) => void, now: MonotonicClock = monotonicMs) {
    this.#write = write;
    this.#now = now;
  }

  /** `kind` is one of a few; each has its own window. */
  log(kind: string, message: string): void {
    const now = this.#now();
    let window = this.#windows.get(kind);
    if (!window || now - window.began >= WINDOW_MS) {
      const dropped = window?.dropped ?? 0;
      if (dropped > 0) this.#write(`${dropped} more lines of this kind were dropped (${kind})`);
      window = { began: now, lines: 0, dropped: 0 };
      this.#windows.set(kind, window);
    }
    if (window.lines >= MAX_LINES) {
      window.dropped++;
      return;
    }
    window.lines++;
    this.#write(message);
  }
}
