import type { Logger } from "../primitives/logging/logger.ts";

/** A signal has asked for the end before the start was over. */
export class EndRequested extends Error {
  constructor() {
    super("the end was asked for during the start");
    this.name = "EndRequested";
  }
}

interface Step {
  readonly name: string;
  readonly end: () => void | Promise<void>;
}

/**
 * What a server has begun, to be ended in the reverse order. The end may be asked for at any moment, also while the start is
 * still under way.
 */
export class Lifetime {
  readonly #abort = new AbortController();
  /** Steps of one stage are ended at the same time, stages one after the other. */
  readonly #stages: Step[][] = [];
  readonly #running = new Set<string>();
  #onRunning: (running: readonly string[]) => void = () => undefined;
  #ended: Promise<void> | undefined;

  /** Aborted, with `EndRequested`, once the end is asked for. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** What is being started or ended now, in words. */
  get running(): readonly string[] {
    return [...this.#running];
  }

  /** Has `listener` told what is under way, now and whenever that changes. */
  onRunning(listener: (running: readonly string[]) => void): void {
    this.#onRunning = listener;
    listener(this.running);
  }

  /** Does one part of the start. Throws `EndRequested` before and after it, once the end was asked for. */
  async start<T>(name: string, work: () => T | Promise<T>): Promise<T> {
    this.signal.throwIfAborted();
    return this.#run(name, work);
  }

  /** Has `end` called at the end: before what was deferred earlier, or beside what was last. */
  defer(name: string, end: Step["end"], { beside = false } = {}): void {
    const last = beside ? this.#stages.at(-1) : undefined;
    if (last) last.push({ name, end });
    else this.#stages.push([{ name, end }]);
  }

  requestEnd(): void {
    this.#abort.abort(new EndRequested());
  }

  /** Ends everything, once. What can't be ended is reported, and keeps nothing else from its end. */
  end(log: Logger): Promise<void> {
    this.#ended ??= this.#end(log);
    return this.#ended;
  }

  async #end(log: Logger): Promise<void> {
    for (const stage of this.#stages.reverse()) {
      await Promise.all(
        stage.map(({ name, end }) =>
          this.#run(name, end).catch((error) => log.error(`${name} could not be ended`, error)),
        ),
      );
    }
  }

  async #run<T>(name: string, work: () => T | Promise<T>): Promise<T> {
    this.#running.add(name);
    this.#onRunning(this.running);
    try {
      return await work();
    } finally {
      this.#running.delete(name);
      this.#onRunning(this.running);
    }
  }
}
