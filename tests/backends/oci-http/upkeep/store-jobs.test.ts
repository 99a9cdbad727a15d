import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import type { InstanceRegistry } from "../../../../src/backends/oci-http/instances/instance-registry.ts";
import {
  type CleanupRule,
  parseCleanupRule,
} from "../../../../src/backends/oci-http/policy/cleanup-rules.ts";
import type { OciStore } from "../../../../src/backends/oci-http/store/oci-store.ts";
import { storeJobs } from "../../../../src/backends/oci-http/upkeep/store-jobs.ts";
import { IncompleteJobError, JobError, JobRunner } from "../../../../src/primitives/jobs/job-runner.ts";
import { nextTurn } from "../../../../src/primitives/jobs/next-turn.ts";
import { consoleLogger } from "../../../../src/primitives/logging/logger.ts";
import { blobPath } from "../../../support/blob-path.ts";
import { afterThisTest } from "../../../support/cleanup.ts";
import { eventually } from "../../../support/eventually.ts";
import { TestStore } from "../../../support/oci-store.ts";

interface Options {
  readonly cleanup?: readonly CleanupRule[];
  readonly others?: readonly OciStore[];
  readonly outages?: readonly { readonly problem: string }[];
}

/** The jobs on one store. */
function jobsOn(
  { oci }: Pick<TestStore, "oci">,
  { cleanup = [], others = [], outages = [] }: Options = {},
): JobRunner {
  const instances = {
    stores: () => [oci, ...others],
    list: () => [
      {
        store: oci.location.store,
        cleanup,
        proxies: [],
        retention: undefined,
        at: undefined,
        mode: "normal",
      },
    ],
    outages: () => outages,
    withRemovals: (work: () => Promise<unknown>) => work(),
  } as unknown as InstanceRegistry;
  const runner = new JobRunner(
    storeJobs(instances, { gcEvery: undefined, gcGrace: 0, scrubEvery: undefined }),
    consoleLogger,
  );
  afterThisTest(() => runner.close());
  return runner;
}

test("the job 'gc' reports what it removed, and a dry run what it would remove", async () => {
  const store = await TestStore.open();
  for (const tag of ["a", "b", "c"]) await store.image(tag);
  const rule = parseCleanupRule("**,newest=1");
  if (!rule) throw new Error("the rule does not parse");
  const jobs = jobsOn(store, { cleanup: [rule] });
  const named = ["  team/app:a", "  team/app:b"];
  const counts = "2 tags, 0 manifests, 0 blobs (0 bytes), 0 uploads";
  const { store: name } = store.oci.location;
  expect(await jobs.run("gc", { isDryRun: true })).toEqual([...named, `${name}: would remove ${counts}`]);
  expect(store.tags()).toEqual(["a", "b", "c"]);
  expect(await jobs.run("gc", { isDryRun: false })).toEqual([...named, `${name}: removed ${counts}`]);
  expect(store.tags()).toEqual(["c"]);
});

test("the job 'scrub' reports commits, objects and blobs, and what is damaged", async () => {
  const store = await TestStore.open();
  await store.image("v1");
  const lost = await store.blob("without a manifest");
  const jobs = jobsOn(store);
  const { store: name } = store.oci.location;
  expect(await jobs.run("scrub", { isDryRun: false })).toEqual([
    expect.stringMatching(new RegExp(`^${name}: 1 commit, \\d+ objects, 3 blobs: no damage$`)),
  ]);
  writeFileSync(blobPath(store.dir, lost.digest), "x".repeat(lost.size));
  expect(await jobs.run("scrub", { isDryRun: true })).toEqual([
    `  blob ${lost.digest} is damaged; no tag needs it`,
    expect.stringMatching(/: 1 damaged or missing$/),
  ]);
  expect(store.has(lost)).toBe(true);
});

test("a job on stores of which one can't be opened works on the others, and says that it is incomplete", async () => {
  const store = await TestStore.open();
  await store.image("v1");
  const jobs = jobsOn(store, { outages: [{ problem: "the store 'other' can't be opened" }] });
  const failure = await jobs.run("scrub", { isDryRun: false }).then(
    () => undefined,
    (error) => error,
  );
  expect(failure).toBeInstanceOf(IncompleteJobError);
  expect(failure.lines).toEqual([
    expect.stringContaining("no damage"),
    "left out: the store 'other' can't be opened",
  ]);
});

test("a job that fails on one store says so beside the results of the others", async () => {
  const [store, broken] = [await TestStore.open(), await TestStore.open()];
  await store.image("v1");
  broken.oci.store.checkObjects = () => Promise.reject(new JobError("its disk is slow"));
  const jobs = jobsOn(store, { others: [broken.oci] });
  await expect(jobs.run("scrub", { isDryRun: false })).rejects.toThrow("its disk is slow");
  expect(jobs.list()[1]?.last?.reports).toEqual([
    { subject: store.oci.location.store, summary: expect.stringContaining("no damage") },
    { subject: broken.oci.location.store, summary: "failed: its disk is slow" },
  ]);
});

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
      await nextTurn();
    }
  };
  const scrubbing = jobs.run("scrub", { isDryRun: false });
  expect(await eventually(() => stuck.blob)).toBe(true);
  await jobs.cancel("scrub");
  expect(await scrubbing).toEqual(["cancelled"]);
  store.oci.history.close = async () => undefined;
});
