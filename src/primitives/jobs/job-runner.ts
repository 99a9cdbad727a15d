import { failureOf } from "../errors/failure.ts";
import { ExpectedError } from "../expected-error.ts";
import type { Logger } from "../logging/logger.ts";

/** A job can't be run or cancelled; the message is for the operator. */
export class JobError extends ExpectedError {
  override readonly name = "JobError";
}

/** A job finished but skipped something. */
export class IncompleteJobError extends ExpectedError {
  override readonly name = "IncompleteJobError";
  override readonly kind = "incomplete";
  /** The results and what was skipped, one item a line. */
  readonly lines: readonly string[];

  constructor(message: string, lines: readonly string[]) {
    super(message);
    this.lines = lines;
  }
}

export interface JobOptions {
  /** Report what would be done, without doing it. */
  readonly isDryRun: boolean;
}

/** The context of one run of a job. */
export interface JobRun extends JobOptions {
  /** Aborted to cancel the job at its next step. A run that rejects with the signal's reason counts as cancelled. */
  readonly signal: AbortSignal;
  /** Reports progress, such as `1,200 of 100,000 blobs`. */
  progress(text: string): void;
}

/** Background work, which yields the thread between small steps. */
export interface Job {
  readonly name: string;
  readonly summary: string;
  /** Milliseconds between scheduled runs; `undefined`: run only on request. */
  readonly everyMs: number | undefined;
  /** Resolves with the results, one item a line. Rejects with `IncompleteJobError` if something was skipped. */
  run(run: JobRun): Promise<readonly string[]>;
}

export interface JobState {
  readonly name: string;
  readonly summary: string;
  readonly everyMs: number | undefined;
  /** `undefined` while the job does not run. */
  readonly running: { readonly since: Date; readonly progress: string } | undefined;
  readonly last: { readonly ended: Date; readonly outcome: string } | undefined;
  /** Since the server started, without dry runs. */
  readonly runs: Readonly<Record<JobOutcome, number>>;
  readonly next: Date | undefined;
}

export type JobOutcome = "done" | "cancelled" | "failed";

interface JobEntry {
  readonly job: Job;
  running: { readonly since: Date; progress: string; readonly abort: AbortController } | undefined;
  ended: Promise<unknown>;
  last: JobState["last"];
  readonly runs: Record<JobOutcome, number>;
  next: Date | undefined;
  timer: Timer | undefined;
}

/** Runs jobs on schedule or on request, each at most once at a time. */
export class JobRunner {
  readonly #log: Logger;
  readonly #jobs = new Map<string, JobEntry>();
  #isClosed = false;

  constructor(jobs: readonly Job[], log: Logger) {
    this.#log = log;
    for (const job of jobs) {
      const entry: JobEntry = {
        job,
        running: undefined,
        ended: Promise.resolve(),
        last: undefined,
        runs: { done: 0, cancelled: 0, failed: 0 },
        next: undefined,
        timer: undefined,
      };
      this.#jobs.set(job.name, entry);
      this.#schedule(entry);
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

  /** Runs a job to its end. Rejects with `JobError` if the job is unknown or already running. */
  async run(
    name: string,
    options: JobOptions,
    onProgress?: (text: string) => void,
  ): Promise<readonly string[]> {
    const entry = this.#entry(name);
    if (entry.running) {
      const since = entry.running.since.toISOString().slice(11, 19);
      throw new JobError(
        `the job '${name}' is already running, since ${since} UTC; '/jobs cancel ${name}' cancels it`,
        { kind: "busy" },
      );
    }
    const abort = new AbortController();
    entry.running = { since: new Date(), progress: "starting", abort };
    const run: JobRun = {
      ...options,
      signal: abort.signal,
      progress: (text) => {
        if (entry.running) entry.running.progress = text;
        onProgress?.(text);
      },
    };
    const work = entry.job.run(run);
    entry.ended = work.catch(() => undefined);
    // Dry runs are not counted and do not delay the next scheduled run.
    const note = (kind: JobOutcome, outcome: string) => {
      if (options.isDryRun) return;
      entry.runs[kind]++;
      entry.last = { ended: new Date(), outcome };
    };
    try {
      const lines = await work;
      if (abort.signal.aborted) note("cancelled", "cancelled");
      else note("done", lines.at(-1) ?? "done");
      return abort.signal.aborted ? [...lines, "cancelled"] : lines;
    } catch (error) {
      // For example, it was cancelled while waiting for a lock.
      if (abort.signal.aborted && error === abort.signal.reason) {
        note("cancelled", "cancelled");
        return ["cancelled"];
      }
      note("failed", `failed: ${failureOf(error).words}`);
      throw error;
    } finally {
      entry.running = undefined;
      if (!options.isDryRun) this.#schedule(entry);
    }
  }

  /** Resolves when the job has ended. Rejects with `JobError` if it is not running. */
  async cancel(name: string): Promise<void> {
    const entry = this.#entry(name);
    if (!entry.running) throw new JobError(`the job '${name}' is not running`, { kind: "unchanged" });
    entry.running.abort.abort();
    await entry.ended;
  }

  /** Cancels running jobs and waits for their end. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const entry of this.#jobs.values()) {
      clearTimeout(entry.timer);
      entry.running?.abort.abort();
    }
    await Promise.all([...this.#jobs.values()].map(({ ended }) => ended));
  }

  #entry(name: string): JobEntry {
    const entry = this.#jobs.get(name);
    if (!entry)
      throw new JobError(`no job '${name}'; there are ${[...this.#jobs.keys()].join(", ")}`, {
        kind: "not-found",
      });
    return entry;
  }

  #schedule(entry: JobEntry): void {
    const { name, everyMs } = entry.job;
    if (everyMs === undefined || this.#isClosed) return;
    clearTimeout(entry.timer);
    entry.next = new Date(Date.now() + everyMs);
    entry.timer = setTimeout(() => {
      this.#runScheduled(entry).catch((error) => {
        if (error instanceof IncompleteJobError) this.#log.warn(`the job '${name}': ${error.message}`);
        else if (!(error instanceof JobError)) this.#log.error(`the job '${name}' failed`, error);
      });
    }, everyMs).unref();
  }

  /** Waits for a manual run to end first. Such a run reschedules the job, unless it is a dry run. */
  async #runScheduled(entry: JobEntry): Promise<void> {
    const { timer } = entry;
    while (entry.running) await entry.ended;
    if (!this.#isClosed && entry.timer === timer) await this.run(entry.job.name, { isDryRun: false });
  }
}
