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
  /** Who asked for the run, for the log; `undefined`: the schedule. */
  readonly by?: string;
}

/** What a run did with one of the things that it works on. */
export interface JobReport {
  /** Such as the name of a store. */
  readonly subject: string;
  readonly summary: string;
  /** One line for each item, such as a tag that was removed. */
  readonly details: readonly string[];
}

/** The context of one run of a job. */
export interface JobRun extends Pick<JobOptions, "isDryRun"> {
  /** Whether nobody asked for the run. */
  readonly isScheduled: boolean;
  /** Aborted to cancel the job at its next step. A run that rejects with the signal's reason counts as cancelled. */
  readonly signal: AbortSignal;
  /** Reports progress, such as `1,200 of 100,000 blobs`. */
  progress(text: string): void;
  /** Reports a result. */
  report(report: JobReport): void;
}

/** Background work, which yields the thread between small steps. */
export interface Job {
  readonly name: string;
  readonly summary: string;
  /** Milliseconds between scheduled runs; `undefined`: run only on request. */
  readonly everyMs: number | undefined;
  /** When the next run is due, of a job whose work has times of its own; `undefined`: nothing is. Asked once a minute. */
  readonly due?: () => Date | undefined;
  /** Rejects with `IncompleteJobError`, whose lines say what was skipped. */
  run(run: JobRun): Promise<void>;
}

export interface JobState {
  readonly name: string;
  readonly summary: string;
  readonly everyMs: number | undefined;
  /** `undefined` while the job does not run. */
  readonly running: { readonly since: Date; readonly progress: string } | undefined;
  readonly last: LastRun | undefined;
  /** When the last run ended that did all of its work. */
  readonly lastSuccess: Date | undefined;
  /** Since the server started, without dry runs. */
  readonly runs: Readonly<Record<JobOutcome, number>>;
  readonly next: Date | undefined;
}

export interface LastRun {
  readonly ended: Date;
  /** One line for the whole run. */
  readonly outcome: string;
  readonly reports: readonly Pick<JobReport, "subject" | "summary">[];
}

export type JobOutcome = "done" | "cancelled" | "failed";

interface EndedRun {
  readonly kind: JobOutcome;
  readonly outcome: string;
  readonly reports: readonly JobReport[];
  readonly by: string | undefined;
}

/** How often a job is asked when it is due, and the least time (ms) between two runs of it. */
const LOOK_MS = 60_000;

/** Most details in a log line. */
const MAX_LOGGED_DETAILS = 20;

function linesOf(reports: readonly JobReport[]): string[] {
  return reports.flatMap(({ subject, summary, details }) => [
    ...details.map((detail) => `  ${detail}`),
    `${subject}: ${summary}`,
  ]);
}

function logLine({ subject, summary, details }: JobReport): string {
  if (details.length === 0) return `${subject}: ${summary}`;
  const more = details.length - MAX_LOGGED_DETAILS;
  const named = details.slice(0, MAX_LOGGED_DETAILS).join(", ");
  return `${subject}: ${summary}: ${named}${more > 0 ? `, and ${more} more` : ""}`;
}

function outcomeOf(reports: readonly JobReport[]): string {
  const [only, ...others] = reports;
  return only && others.length === 0 ? `${only.subject}: ${only.summary}` : "done";
}

/** A job that is overdue begins when it is asked next. */
function later(due: Date | undefined, look: Date | undefined): Date | undefined {
  return due && look && look > due ? look : due;
}

interface JobEntry {
  readonly job: Job;
  running: { readonly since: Date; progress: string; readonly abort: AbortController } | undefined;
  ended: Promise<unknown>;
  last: LastRun | undefined;
  lastSuccess: Date | undefined;
  readonly runs: Record<JobOutcome, number>;
  next: Date | undefined;
  timer: Timer | undefined;
}

/** Runs jobs on schedule or on request, each at most once at a time. */
export class JobRunner {
  readonly #log: Logger;
  readonly #lookMs: number;
  readonly #jobs = new Map<string, JobEntry>();
  #isClosed = false;

  constructor(jobs: readonly Job[], log: Logger, lookMs = LOOK_MS) {
    this.#log = log;
    this.#lookMs = lookMs;
    for (const job of jobs) {
      const entry: JobEntry = {
        job,
        running: undefined,
        ended: Promise.resolve(),
        last: undefined,
        lastSuccess: undefined,
        runs: { done: 0, cancelled: 0, failed: 0 },
        next: undefined,
        timer: undefined,
      };
      this.#jobs.set(job.name, entry);
      this.#schedule(entry);
    }
  }

  list(): JobState[] {
    return [...this.#jobs.values()].map(({ job, running, last, lastSuccess, runs, next }) => ({
      name: job.name,
      summary: job.summary,
      everyMs: job.everyMs,
      running: running && { since: running.since, progress: running.progress },
      last,
      lastSuccess,
      runs: { ...runs },
      next: job.due ? later(job.due(), next) : next,
    }));
  }

  /**
   * Runs a job to its end. Resolves with the results, one item a line. Rejects with `JobError` if the job is unknown or
   * already running, and with `IncompleteJobError`, which has the results too.
   */
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
    const reports: JobReport[] = [];
    const work = entry.job.run({
      isDryRun: options.isDryRun,
      isScheduled: options.by === undefined,
      signal: abort.signal,
      progress: (text) => {
        if (entry.running) entry.running.progress = text;
        onProgress?.(text);
      },
      report: (report) => void reports.push(report),
    });
    entry.ended = work.catch(() => undefined);
    // Dry runs are not counted and do not delay the next scheduled run.
    const note = (kind: JobOutcome, outcome: string) => {
      if (!options.isDryRun) this.#note(entry, { kind, outcome, reports, by: options.by });
    };
    try {
      await work;
      note(
        abort.signal.aborted ? "cancelled" : "done",
        abort.signal.aborted ? "cancelled" : outcomeOf(reports),
      );
      return [...linesOf(reports), ...(abort.signal.aborted ? ["cancelled"] : [])];
    } catch (error) {
      // For example, it was cancelled while waiting for a lock.
      if (abort.signal.aborted && error === abort.signal.reason) {
        note("cancelled", "cancelled");
        return ["cancelled"];
      }
      note("failed", `failed: ${failureOf(error).words}`);
      if (!(error instanceof IncompleteJobError)) throw error;
      throw new IncompleteJobError(error.message, [...linesOf(reports), ...error.lines]);
    } finally {
      entry.running = undefined;
      if (!options.isDryRun) this.#schedule(entry);
    }
  }

  /** Counts a run and logs it: one line for each thing that it worked on. */
  #note(entry: JobEntry, { kind, outcome, reports, by }: EndedRun): void {
    const ended = new Date();
    entry.runs[kind]++;
    entry.last = {
      ended,
      outcome,
      reports: reports.map(({ subject, summary }) => ({ subject, summary })),
    };
    if (kind === "done") entry.lastSuccess = ended;
    const run = `job '${entry.job.name}', ${by === undefined ? "scheduled" : `run by ${by}`}`;
    for (const report of reports) this.#log.info(`${run}: ${logLine(report)}`);
    if (kind === "cancelled") this.#log.info(`${run}: cancelled`);
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
    const { everyMs, due } = entry.job;
    if ((everyMs === undefined && due === undefined) || this.#isClosed) return;
    clearTimeout(entry.timer);
    const ms = everyMs ?? this.#lookMs;
    entry.next = new Date(Date.now() + ms);
    entry.timer = setTimeout(() => {
      const at = due?.();
      if (!due || (at !== undefined && at.getTime() <= Date.now())) this.#begin(entry);
      else this.#schedule(entry);
    }, ms).unref();
  }

  #begin(entry: JobEntry): void {
    const { name } = entry.job;
    this.#runScheduled(entry).catch((error) => {
      if (error instanceof IncompleteJobError) this.#log.warn(`the job '${name}': ${error.message}`);
      else if (!(error instanceof JobError)) this.#log.error(`the job '${name}' failed`, error);
    });
  }

  /** Waits for a manual run to end first. Such a run reschedules the job, unless it is a dry run. */
  async #runScheduled(entry: JobEntry): Promise<void> {
    const { timer } = entry;
    while (entry.running) await entry.ended;
    if (!this.#isClosed && entry.timer === timer) await this.run(entry.job.name, { isDryRun: false });
  }
}
