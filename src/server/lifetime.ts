import type { Logger } from "../primitives/logging/logger.ts";

/** A signal requested a stop before the start was complete. */
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
 * Tracks the started parts of a server and stops them in the declared order. A stop can be requested at any time, also
 * during the start.
 */
export class Lifetime {
  readonly #abort = new AbortController();
  /** Keyed by name. */
  readonly #steps = new Map<string, Step>();
  readonly #running = new Set<string>();
  #onRunning: (running: readonly string[]) => void = () => undefined;
  #onEnd: () => void = () => undefined;
  #ended: Promise<void> | undefined;

  /** Aborted with `EndRequested` when a stop is requested. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** The names of the steps in progress. */
  get running(): readonly string[] {
    return [...this.#running];
  }

  /** Calls `listener` with the steps in progress, now and after each change. */
  onRunning(listener: (running: readonly string[]) => void): void {
    this.#onRunning = listener;
    listener(this.running);
  }

  /** Calls `listener` when the stop begins, or is requested. It may be called more than once. */
  onEnd(listener: () => void): void {
    this.#onEnd = listener;
  }

  /** Runs one step of the start. Throws `EndRequested` before it if a stop was requested. */
  async start<T>(name: string, work: () => T | Promise<T>): Promise<T> {
    this.signal.throwIfAborted();
    return this.#run(name, work);
  }

  /**
   * Registers `end` for the stop, to run after the steps named in `after` have ended; independent steps run at the same time.
   * Unknown names in `after` are ignored. Throws if a step of that name is registered already.
   */
  defer(name: string, end: Step["end"], after: readonly string[] = []): void {
    if (this.#steps.has(name)) throw new Error(`two steps are named '${name}'`);
    this.#steps.set(name, { name, end, after });
  }

  requestEnd(): void {
    this.#abort.abort(new EndRequested());
    this.#onEnd();
  }

  /** Stops everything, once. A failing step is logged and does not prevent the others. */
  end(log: Logger): Promise<void> {
    this.#onEnd();
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
