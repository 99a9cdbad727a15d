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
  readonly end: (() => void | Promise<void>) | undefined;
  readonly after: readonly string[];
}

/**
 * What a server has started, to be ended in the order that was declared. The end may be requested at any moment, also while
 * the start is still under way.
 */
export class Lifetime {
  readonly #abort = new AbortController();
  /** By their names. */
  readonly #steps = new Map<string, Step>();
  readonly #running = new Set<string>();
  #onRunning: (running: readonly string[]) => void = () => undefined;
  #ended: Promise<void> | undefined;

  /** Aborted, with `EndRequested`, once the end is requested. */
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

  /** Does one part of the start. Throws `EndRequested` before and after it, once the end was requested. */
  async start<T>(name: string, work: () => T | Promise<T>): Promise<T> {
    this.signal.throwIfAborted();
    return this.#run(name, work);
  }

  /**
   * Has `end` called at the end, once the steps named in `after` have ended; steps that do not wait for each other end at
   * the same time. A name in `after` that was never deferred is ignored.
   */
  defer(name: string, end: Step["end"], after: readonly string[] = []): void {
    this.#steps.set(name, { name, end, after });
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
    const ending = new Map<Step, Promise<void>>();
    const end = (step: Step): Promise<void> => {
      const known = ending.get(step) ?? this.#endStep(step, log, end);
      ending.set(step, known);
      return known;
    };
    await Promise.all([...this.#steps.values()].map(end));
  }

  async #endStep({ name, end, after }: Step, log: Logger, endFirst: (step: Step) => Promise<void>) {
    await Promise.all(after.flatMap((other) => this.#steps.get(other) ?? []).map(endFirst));
    if (end) await this.#run(name, end).catch((error) => log.error(`${name} could not be ended`, error));
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
