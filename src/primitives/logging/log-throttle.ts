import { type MonotonicClock, monotonicMs } from "../monotonic-clock.ts";

/** Lines of one kind within the window; what comes on top is counted. */
const MAX_LINES = 10;
const WINDOW_MS = 60_000;

interface Window {
  began: number;
  lines: number;
  left: number;
}

/** Keeps lines that a stranger can cause at will from filling the log. */
export class LogThrottle {
  readonly #write: (message: string) => void;
  readonly #now: MonotonicClock;
  readonly #windows = new Map<string, Window>();

  constructor(write: (message: string) => void, now: MonotonicClock = monotonicMs) {
    this.#write = write;
    this.#now = now;
  }

  /** `kind` is one of few: each has a window of its own. */
  log(kind: string, message: string): void {
    const now = this.#now();
    let window = this.#windows.get(kind);
    if (!window || now - window.began >= WINDOW_MS) {
      const left = window?.left ?? 0;
      if (left > 0) this.#write(`${left} more lines of this kind were left out (${kind})`);
      window = { began: now, lines: 0, left: 0 };
      this.#windows.set(kind, window);
    }
    if (window.lines >= MAX_LINES) {
      window.left++;
      return;
    }
    window.lines++;
    this.#write(message);
  }
}
