import { formatDuration } from "../../../primitives/duration.ts";
import type { JobState } from "../../../primitives/jobs/job-runner.ts";
import { type Command, ConsoleError, type Parameter } from "../command.ts";
import { table, timeOf } from "../table.ts";

const JOB: Parameter = {
  name: "job",
  candidates: ({ jobs }) => jobs.list().map(({ name }) => name),
};

export const JOB_COMMANDS: readonly Command[] = [
  {
    scope: "jobs",
    verb: "list",
    parameters: [],
    summary: "list the background jobs: what runs, how far it is, and what came of the last run",
    adminOnly: false,
    run: (_args, context) =>
      table(
        ["job", "state", "every", "next (UTC)", "last (UTC)", "outcome"],
        context.jobs.list().map(row),
        context,
      ),
  },
  {
    scope: "jobs",
    verb: "run",
    parameters: [JOB, { name: "--dry-run", optional: true, candidates: () => ["--dry-run"] }],
    summary: "run a job now and show what came of it; with --dry-run, only what would",
    example: "/jobs run gc --dry-run",
    adminOnly: true,
    async run([name = "", option], { jobs }) {
      if (option !== undefined && option !== "--dry-run")
        throw new ConsoleError(`'${option}' is not --dry-run`);
      return jobs.run(name, { isDryRun: option !== undefined });
    },
  },
  {
    scope: "jobs",
    verb: "cancel",
    parameters: [JOB],
    summary: "end a running job at its next step; what it has done stays done",
    example: "/jobs cancel scrub",
    adminOnly: true,
    async run([name = ""], { jobs }) {
      await jobs.cancel(name);
      return [`the job '${name}' has ended`];
    },
  },
];

function row({ name, everyMs, running, last, next }: JobState): string[] {
  const time = (date: Date | undefined) => (date ? timeOf(Math.floor(date.getTime() / 1000)) : "-");
  return [
    name,
    running ? `running: ${running.progress}` : "idle",
    everyMs === undefined ? "-" : formatDuration(everyMs / 1000),
    time(next),
    time(last?.ended),
    last?.outcome ?? "-",
  ];
}
