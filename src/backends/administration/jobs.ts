import type { JobRunner, JobState } from "../../primitives/jobs/job-runner.ts";
import { type Actor, requireAdministrator } from "../actor.ts";

export interface JobServices {
  readonly jobs: Pick<JobRunner, "list" | "run" | "cancel">;
}

/** Lists the background jobs. Only administrators see why a job failed, as the reason may name hidden repositories. */
export function listJobs({ jobs }: JobServices, actor: Actor): JobState[] {
  return actor.isAdministrator() ? jobs.list() : jobs.list().map(withoutReason);
}

/**
 * Runs a job to its end; for administrators. Resolves with the report, one entry per line; rejects with `JobError` or
 * `IncompleteJobError`.
 */
export async function runJob(
  { jobs }: JobServices,
  actor: Actor,
  { name, isDryRun }: { readonly name: string; readonly isDryRun: boolean },
): Promise<readonly string[]> {
  requireAdministrator(actor);
  return jobs.run(name, { isDryRun, by: actor.user });
}

/** Cancels a running job at its next step; for administrators. Rejects with `JobError` if it does not run. */
export async function cancelJob({ jobs }: JobServices, actor: Actor, name: string): Promise<void> {
  requireAdministrator(actor);
  await jobs.cancel(name);
}

function withoutReason(job: JobState): JobState {
  const hidden = (text: string) => (text.startsWith("failed: ") ? "failed" : text);
  const { last } = job;
  if (!last) return job;
  const reports = last.reports.map(({ subject, summary }) => ({ subject, summary: hidden(summary) }));
  return { ...job, last: { ...last, outcome: hidden(last.outcome), reports } };
}
