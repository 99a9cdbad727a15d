import type { JobState } from "../../../primitives/jobs/job-runner.ts";
import { formatDuration } from "../../../primitives/text/duration.ts";
import { cancelJob, listJobs, runJob } from "../../administration/jobs.ts";
import type { Command, Parameter } from "./command.ts";
import { ConsoleError } from "./console-error.ts";
import { outcome } from "./outcome.ts";
import { IF_RUNNING } from "./repeat.ts";
import { type Columns, formatTime, listing } from "./table.ts";

const JOB: Parameter = {
  name: "job",
  candidates: (names) => names.jobs(),
};

export const JOB_COMMANDS: readonly Command[] = [
  {
    scope: "jobs",
    verb: "list",
    parameters: [],
    summary: "list the background jobs: state, progress and result of the last run",
    example: "/jobs list",
    adminOnly: false,
    run(_args, context) {
      const jobs = listJobs(context, context.actor);
      return { ...listing(jobs.flatMap(rowsOf), COLUMNS, context), records: jobs };
    },
  },
  {
    scope: "jobs",
    verb: "run",
    parameters: [JOB, { name: "--dry-run", optional: true, candidates: () => ["--dry-run"] }],
    summary: "run a job now and show its result; --dry-run only shows what it would do",
    example: "/jobs run gc --dry-run",
    adminOnly: true,
    isChange: true,
    async run([name = "", option], context) {
      if (option !== undefined && option !== "--dry-run")
        throw new ConsoleError(`'${option}' is not --dry-run`);
      return runJob(context, context.actor, { name, isDryRun: option !== undefined });
    },
  },
  {
    scope: "jobs",
    verb: "cancel",
    parameters: [JOB],
    summary: "cancel a running job at its next step; completed steps are kept",
    example: "/jobs cancel scrub",
    adminOnly: true,
    isChange: true,
    repeats: [IF_RUNNING],
    async run([name = ""], context) {
      await cancelJob(context, context.actor, name);
      return outcome(`the job '${name}' has ended`, { job: name });
    },
  },
];

const when = (date: Date | undefined) => (date ? formatTime(date) : "-");

/** A row of a job, or of one of the stores that its last run worked on. */
interface Row {
  readonly job: JobState | undefined;
  readonly outcome: string;
}

function rowsOf(job: JobState): Row[] {
  const { outcome = "-", reports = [] } = job.last ?? {};
  const stores = reports.length > 1 ? reports : [];
  return [
    { job, outcome },
    ...stores.map(({ subject, summary }) => ({ job: undefined, outcome: `${subject}: ${summary}` })),
  ];
}

const cellOf = (print: (job: JobState) => string) => (row: Row) => (row.job ? print(row.job) : "");

const COLUMNS: Columns<Row> = {
  job: cellOf(({ name }) => name),
  state: cellOf(({ running }) => (running ? `running: ${running.progress}` : "idle")),
  every: {
    cell: cellOf(({ everyMs }) => (everyMs === undefined ? "-" : formatDuration(everyMs / 1000))),
    leaveOut: 3,
  },
  "next (UTC)": { cell: cellOf(({ next }) => when(next)), leaveOut: 2 },
  "last (UTC)": { cell: cellOf(({ last }) => when(last?.ended)), leaveOut: 1 },
  outcome: ({ outcome }) => outcome,
};
