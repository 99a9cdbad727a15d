import { expect, test } from "bun:test";
import { JobElsewhereError, leasedJob } from "../../../../src/backends/oci-http/upkeep/leased-jobs.ts";
import type { Job, JobReport } from "../../../../src/primitives/jobs/job-runner.ts";
import { type LeaseRecords, MemoryLeases } from "../../../support/memory-engine/memory-leases.ts";
import { jobRun } from "../../../support/oci-store.ts";

/** The same job on two nodes; it runs until `end` is called. */
function onTwoNodes(isPatient = false) {
  const records: LeaseRecords = new Map();
  const gate = Promise.withResolvers<void>();
  const runs: string[] = [];
  const pauses: number[] = [];
  const node = (name: string): Job => {
    const job: Job = {
      name: "gc",
      summary: "",
      everyMs: undefined,
      run: async () => {
        runs.push(name);
        await gate.promise;
      },
    };
    const pause = async (ms: number) => void pauses.push(ms);
    return leasedJob(job, { leases: new MemoryLeases(records), node: name, isPatient, pause });
  };
  return { here: node("here"), there: node("there"), runs, pauses, end: gate.resolve };
}

test("a scheduled job runs on one node at a time; the other leaves it to that node, after some tries", async () => {
  const { here, there, runs, pauses, end } = onTwoNodes();
  const first = here.run(jobRun());
  const reports: JobReport[] = [];
  await there.run(jobRun({ report: (report) => void reports.push(report) }));
  expect(reports).toEqual([{ subject: "all stores", summary: "left to the node here", details: [] }]);
  expect(pauses).toHaveLength(2);
  end();
  await first;
  await there.run(jobRun());
  expect(runs).toEqual(["here", "there"]);
});

test("a job that was asked for is refused while another node runs it", async () => {
  const { here, there, end } = onTwoNodes();
  const first = here.run(jobRun());
  const error = await there.run(jobRun({ isScheduled: false })).catch((thrown) => thrown);
  expect(error).toBeInstanceOf(JobElsewhereError);
  expect(String(error)).toContain("the node here runs the job 'gc' already");
  end();
  await first;
});

test("a process that runs one job waits once, because it can't have seen whether the other one lives", async () => {
  const { here, there, pauses, end } = onTwoNodes(true);
  const first = here.run(jobRun());
  expect(there.run(jobRun({ isScheduled: false }))).rejects.toThrow(
    "the node here runs the job 'gc' already",
  );
  await Bun.sleep(0);
  end();
  await first;
  expect(pauses).toEqual([35_000]);
});
