import type { MonotonicClock } from "../../../src/primitives/monotonic-clock.ts";
import type { Release } from "../../../src/primitives/release.ts";

type Task = () => Promise<void>;

interface Timer {
  readonly at: number;
  readonly task: Task;
}

/** The monotonic clock and the timers of one node, which pass only when a test says so. */
export class ManualClock {
  readonly now: MonotonicClock = () => this.#nowMs;
  /** The wall clock, which is never set. */
  readonly wall = this.now;
  readonly #timers = new Set<Timer>();
  #nowMs: number;

  constructor(startMs = 0) {
    this.#nowMs = startMs;
  }

  /** Runs the task once after so many milliseconds, unless the returned function is called before. */
  after(ms: number, task: Task): Release {
    const timer = { at: this.#nowMs + ms, task };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Lets time pass; each timer that is due runs to its end at its own time. */
  async advance(ms: number): Promise<void> {
    const end = this.#nowMs + ms;
    for (let timer = this.#dueBy(end); timer; timer = this.#dueBy(end)) {
      this.#timers.delete(timer);
      this.#nowMs = Math.max(this.#nowMs, timer.at);
      await timer.task();
    }
    this.#nowMs = end;
  }

  /** Lets time pass as for a process that hangs: no timer runs. `advance` runs them late. */
  hang(ms: number): void {
    this.#nowMs += ms;
  }

  #dueBy(end: number): Timer | undefined {
    const [first] = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
    return first;
  }
}
