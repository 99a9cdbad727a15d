import type { JobOptions, JobRunner, JobState } from "../../primitives/jobs/job-runner.ts";
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
  { name, ...options }: JobOptions & { readonly name: string },
): Promise<readonly string[]> {
  requireAdministrator(actor);
  return jobs.run(name, options);
}

/** Cancels a running job at its next step; for administrators. Rejects with `JobError` if it does not run. */
export async function cancelJob({ jobs }: JobServices, actor: Actor, name: string): Promise<void> {
  requireAdministrator(actor);
  await jobs.cancel(name);
}

function withoutReason(job: JobState): JobState {
  const hasFailed = job.last?.outcome.startsWith("failed: ");
  return hasFailed && job.last ? { ...job, last: { ...job.last, outcome: "failed" } } : job;
}
