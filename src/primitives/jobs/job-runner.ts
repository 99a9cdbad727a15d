import { failureOf } from "../errors/failure.ts";
import { ExpectedError } from "../expected-error.ts";
import type { Logger } from "../logging/logger.ts";

/** A job that can't be run or cancelled, in words for who asked for it. */
export class JobError extends ExpectedError {
  override readonly name = "JobError";
}

/** A job has done what it could, and something was left out. */
export class IncompleteJobError extends ExpectedError {
  override readonly name = "IncompleteJobError";
  override readonly kind = "incomplete";
  /** What was done and what was left out, a line each. */
  readonly lines: readonly string[];

  constructor(message: string, lines: readonly string[]) {
    super(message);
    this.lines = lines;
  }
}

export interface JobOptions {
  /** Only to tell what would be done. */
  readonly isDryRun: boolean;
}

/** What a job has of its run. */
export interface JobRun extends JobOptions {
  /** Aborted when the job is to end early, at its next step; one that rejects with its reason counts as cancelled. */
  readonly signal: AbortSignal;
  /** Tells how far it is, such as `1,200 of 100,000 blobs`. */
  progress(text: string): void;
}

/** Background work. Steps between which it yields keep it out of everybody's way. */
export interface Job {
  readonly name: string;
  readonly summary: string;
  /** Milliseconds between scheduled runs; `undefined`: only when asked for. */
  readonly everyMs: number | undefined;
  /** Resolves with what was done, a line each; rejects with `IncompleteJobError` where that is not all. */
  run(run: JobRun): Promise<readonly string[]>;
}

export interface JobState {
  readonly name: string;
  readonly summary: string;
  readonly everyMs: number | undefined;
  /** While it runs. */
  readonly running: { readonly since: Date; readonly progress: string } | undefined;
  readonly last: { readonly ended: Date; readonly outcome: string } | undefined;
  /** Since the start. */
  readonly runs: Readonly<Record<JobOutcome, number>>;
  readonly next: Date | undefined;
}

export type JobOutcome = "done" | "cancelled" | "failed";

interface Known {
  readonly job: Job;
  running: { readonly since: Date; progress: string; readonly abort: AbortController } | undefined;
  ended: Promise<unknown>;
  last: JobState["last"];
  readonly runs: Record<JobOutcome, number>;
  next: Date | undefined;
  timer: Timer | undefined;
}

/** Runs jobs, each one at a time, on schedule or when asked. */
export class JobRunner {
  readonly #log: Logger;
  readonly #jobs = new Map<string, Known>();
  #isClosed = false;

  constructor(jobs: readonly Job[], log: Logger) {
    this.#log = log;
    for (const job of jobs) {
      const known: Known = {
        job,
        running: undefined,
        ended: Promise.resolve(),
        last: undefined,
        runs: { done: 0, cancelled: 0, failed: 0 },
        next: undefined,
        timer: undefined,
      };
      this.#jobs.set(job.name, known);
      this.#schedule(known);
    }
  }

  list(): JobState[] {
    return [...this.#jobs.values()].map(({ job: { name, summary, everyMs }, running, last, runs, next }) => ({
      name,
      summary,
      everyMs,
      running: running && { since: running.since, progress: running.progress },
      last,
      runs: { ...runs },
      next,
    }));
  }

  /** Runs a job to its end. Rejects with `JobError` if there is no such job or it is running already. */
  async run(
    name: string,
    options: JobOptions,
    onProgress?: (text: string) => void,
  ): Promise<readonly string[]> {
    const known = this.#known(name);
    if (known.running) {
      const since = known.running.since.toISOString().slice(11, 19);
      throw new JobError(
        `the job '${name}' is running already, since ${since} UTC; '/jobs cancel ${name}' ends it`,
      );
    }
    const abort = new AbortController();
    known.running = { since: new Date(), progress: "starting", abort };
    const run: JobRun = {
      ...options,
      signal: abort.signal,
      progress: (text) => {
        if (known.running) known.running.progress = text;
        onProgress?.(text);
      },
    };
    const work = known.job.run(run);
    known.ended = work.catch(() => undefined);
    // A run that only told what would be done was none: it counts nowhere and puts off nothing.
    const note = (kind: JobOutcome, outcome: string) => {
      if (options.isDryRun) return;
      known.runs[kind]++;
      known.last = { ended: new Date(), outcome };
    };
    try {
      const lines = await work;
      if (abort.signal.aborted) note("cancelled", "cancelled");
      else note("done", lines.at(-1) ?? "done");
      return abort.signal.aborted ? [...lines, "cancelled"] : lines;
    } catch (error) {
      // It waited for its turn, for instance.
      if (abort.signal.aborted && error === abort.signal.reason) {
        note("cancelled", "cancelled");
        return ["cancelled"];
      }
      note("failed", `failed: ${failureOf(error).words}`);
      throw error;
    } finally {
      known.running = undefined;
      if (!options.isDryRun) this.#schedule(known);
    }
  }

  /** Resolves when the job has ended. Throws `JobError` if it is not running. */
  async cancel(name: string): Promise<void> {
    const known = this.#known(name);
    if (!known.running) throw new JobError(`the job '${name}' is not running`);
    known.running.abort.abort();
    await known.ended;
  }

  /** Cancels what runs and waits for it. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const known of this.#jobs.values()) {
      clearTimeout(known.timer);
      known.running?.abort.abort();
    }
    await Promise.all([...this.#jobs.values()].map(({ ended }) => ended));
  }

  #known(name: string): Known {
    const known = this.#jobs.get(name);
    if (!known) throw new JobError(`no job '${name}'; there are ${[...this.#jobs.keys()].join(", ")}`);
    return known;
  }

  #schedule(known: Known): void {
    const { name, everyMs } = known.job;
    if (everyMs === undefined || this.#isClosed) return;
    clearTimeout(known.timer);
    known.next = new Date(Date.now() + everyMs);
    known.timer = setTimeout(() => {
      this.#runScheduled(known).catch((error) => {
        if (error instanceof IncompleteJobError) this.#log.warn(`the job '${name}': ${error.message}`);
        else if (!(error instanceof JobError)) this.#log.error(`the job '${name}' failed`, error);
      });
    }, everyMs).unref();
  }

  /** Once a run that an operator asked for has ended, which schedules the next by itself unless it was a dry one. */
  async #runScheduled(known: Known): Promise<void> {
    const { timer } = known;
    while (known.running) await known.ended;
    if (!this.#isClosed && known.timer === timer) await this.run(known.job.name, { isDryRun: false });
  }
}
