import { describe, expect, test } from "bun:test";
import type { InstanceRegistry } from "../../../src/backends/oci-http/instance-registry.ts";
import type { OciStore } from "../../../src/backends/oci-http/oci-store.ts";
import { storeJobs } from "../../../src/backends/oci-http/store-jobs.ts";
import { statusesOf } from "../../../src/backends/oci-http/store-status.ts";
import { JobRunner } from "../../../src/primitives/jobs/job-runner.ts";

const NOT_LOGGED = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** Stores of which some can't be read. */
function registry(faults: Readonly<Record<string, string | undefined>>) {
  const turns: string[] = [];
  const stores = Object.entries(faults).map(([store, fault]) => ({
    location: { store },
    inUse: async () => {
      turns.push(store);
      if (fault !== undefined) throw new Error(fault);
      return [`${store}: done`];
    },
    store: {
      head: () => {
        if (fault !== undefined) throw new Error(fault);
        return {};
      },
    },
    sizes: { latest: () => undefined },
    index: { counts: () => ({ repositories: 1 }) },
    uploads: { count: () => 0 },
    derived: {},
    history: {},
  }));
  const instances = {
    stores: () => stores,
    list: () => stores.map(({ location }) => ({ store: location.store, cleanup: [] })),
    outages: () => [{ problem: "the store 'e' is damaged" }],
    withRemovals: (work: () => Promise<unknown>) => work(),
  };
  const options = { gcEvery: undefined, gcGrace: 0, scrubEvery: undefined };
  const jobs = new JobRunner(storeJobs(instances as unknown as InstanceRegistry, options), NOT_LOGGED);
  return { turns, jobs, stores: stores as unknown as OciStore[] };
}

describe.each(["gc", "scrub"])("the job %s", (name) => {
  test("gives every store its turn, also after one that fails, and fails then", async () => {
    const { turns, jobs } = registry({ a: undefined, b: "b is damaged", c: undefined });
    await expect(jobs.run(name, { isDryRun: false })).rejects.toThrow("b is damaged");
    expect(turns).toEqual(["a", "b", "c"]);
    expect(jobs.list().find((job) => job.name === name)?.runs).toEqual({ done: 0, cancelled: 0, failed: 1 });
  });

  test("names every store that fails, and those that are out of service", async () => {
    const failing = registry({ a: "a is damaged", b: "b is damaged" });
    await expect(failing.jobs.run(name, { isDryRun: false })).rejects.toThrow(
      "Error: a is damaged; Error: b is damaged",
    );
    const { jobs } = registry({ a: undefined });
    expect(await jobs.run(name, { isDryRun: false })).toEqual([
      "a: done",
      "left out: the store 'e' is damaged",
    ]);
  });
});

test("how the stores stand is told of all that can be read", () => {
  const { stores } = registry({ a: undefined, b: "b is damaged", c: undefined });
  const { read, unreadable } = statusesOf(stores);
  expect(read.map(({ store }) => store)).toEqual(["a", "c"]);
  expect(unreadable).toEqual([{ store: "b", problem: "b is damaged" }]);
});
