import { expect, test } from "bun:test";
import type { InstanceRegistry } from "../../../../src/backends/oci-http/instances/instance-registry.ts";
import { storeJobs } from "../../../../src/backends/oci-http/upkeep/store-jobs.ts";
import { JobRunner } from "../../../../src/primitives/jobs/job-runner.ts";
import { consoleLogger } from "../../../../src/primitives/logging/logger.ts";
import { afterThisTest } from "../../../support/cleanup.ts";
import { eventually } from "../../../support/eventually.ts";
import { TestStore } from "../../../support/oci-store.ts";

/** The jobs on one store. */
function jobsOn({ oci }: TestStore): JobRunner {
  const instances = {
    stores: () => [oci],
    list: () => [{ store: oci.location.store, cleanup: [], retention: undefined, at: undefined }],
    outages: () => [],
    withRemovals: (work: () => Promise<unknown>) => work(),
  } as unknown as InstanceRegistry;
  const runner = new JobRunner(
    storeJobs(instances, { gcEvery: undefined, gcGrace: 0, scrubEvery: undefined }),
    consoleLogger,
  );
  afterThisTest(() => runner.close());
  return runner;
}

test("a job that waits for the history, or for one large blob, ends as soon as it is cancelled", async () => {
  const store = await TestStore.open();
  await store.image("v1");
  const jobs = jobsOn(store);
  const { promise: never } = Promise.withResolvers<never>();
  const stuck = { history: false, blob: false };
  const { walk } = store.oci.store;
  store.oci.store.walk = () => {
    const real = walk.call(store.oci.store);
    real.commit = () => {
      stuck.history = true;
      return never;
    };
    return real;
  };
  const collecting = jobs.run("gc", { isDryRun: false });
  expect(await eventually(() => stuck.history)).toBe(true);
  await jobs.cancel("gc");
  expect((await collecting).at(-1)).toBe("cancelled");

  store.oci.blobs.verify = async (_digest, step) => {
    stuck.blob = true;
    // As the parts of a file that never ends.
    for (;;) {
      await step?.();
      await Bun.sleep(1);
    }
  };
  const scrubbing = jobs.run("scrub", { isDryRun: false });
  expect(await eventually(() => stuck.blob)).toBe(true);
  await jobs.cancel("scrub");
  expect(await scrubbing).toEqual(["cancelled"]);
  store.oci.history.close = async () => undefined;
});
