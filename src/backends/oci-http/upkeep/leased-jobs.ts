import { ExpectedError } from "../../../primitives/expected-error.ts";
import type { Job, JobRun } from "../../../primitives/jobs/job-runner.ts";
import { orAborted } from "../../../primitives/jobs/or-aborted.ts";
import {
  type LeaseName,
  type LeaseOutcome,
  type Leases,
  parseLeaseName,
} from "../../../primitives/store/engine/leases.ts";

/** Another node does the job at the moment. */
export class JobElsewhereError extends ExpectedError {
  override readonly name = "JobElsewhereError";
  override readonly kind = "busy";
  constructor(job: string, by: string | undefined) {
    super(`${runner(by)} runs the job '${job}' already`);
  }
}

export interface LeasedJobOptions {
  readonly leases: Leases;
  /** Names this node to the others. */
  readonly node: string;
  /** Whether a run that was asked for waits once for the lease: a process that runs one job can't have seen before whose it is. */
  readonly isPatient?: boolean;
  /** Waits so many milliseconds. */
  readonly pause?: (ms: number) => Promise<void>;
}

/** A node that was killed keeps its lease for so long after others first saw it (ms); so a scheduled run tries again. */
const TRY_AGAIN_MS = 35_000;
const MAX_TRIES = 3;

/**
 * Makes a job one that a single node at a time does. It is cancelled when the lease is lost. A scheduled run is left to the
 * node that has the lease; one that was asked for rejects with `JobElsewhereError`.
 */
export function leasedJob(
  job: Job,
  { leases, node, isPatient = false, pause = Bun.sleep }: LeasedJobOptions,
): Job {
  const name = jobLease(job.name);
  return {
    ...job,
    run: async (run) => {
      const outcome = await acquire(name, run);
      if (outcome.kind === "held") {
        if (!run.isScheduled) throw new JobElsewhereError(job.name, outcome.by);
        return run.report({ subject: "all stores", summary: `left to ${runner(outcome.by)}`, details: [] });
      }
      const { lease } = outcome;
      try {
        await job.run({ ...run, signal: AbortSignal.any([run.signal, lease.lost]) });
      } finally {
        await lease.release();
      }
    },
  };

  async function acquire(lease: LeaseName, { isScheduled, progress, signal }: JobRun): Promise<LeaseOutcome> {
    const maxTries = isScheduled ? MAX_TRIES : isPatient ? 2 : 1;
    for (let tries = 1; ; tries++) {
      const outcome = await leases.acquire(lease, node);
      if (outcome.kind === "acquired" || tries >= maxTries) return outcome;
      progress(`${runner(outcome.by)} runs it; trying again`);
      await orAborted(pause(TRY_AGAIN_MS), signal);
      signal.throwIfAborted();
    }
  }
}

/** The lease that only the node has that runs a job. */
export function jobLease(job: string): LeaseName {
  const name = parseLeaseName(`job-${job}`);
  if (name === undefined) throw new Error(`'${job}' can't be part of a lease's name`);
  return name;
}

function runner(by: string | undefined): string {
  return by === undefined ? "another node" : `the node ${by}`;
}
