import { describe, expect, test } from "bun:test";
import type { InstanceRegistry } from "../../../../src/backends/oci-http/instances/instance-registry.ts";
import { parseCleanupRule } from "../../../../src/backends/oci-http/policy/cleanup-rules.ts";
import type { InstanceConfig } from "../../../../src/backends/oci-http/settings/instance-config.ts";
import { storeJobs } from "../../../../src/backends/oci-http/upkeep/store-jobs.ts";
import { JobRunner } from "../../../../src/primitives/jobs/job-runner.ts";
import { consoleLogger } from "../../../../src/primitives/logging/logger.ts";
import { afterThisTest } from "../../../support/cleanup.ts";
import { TestStore } from "../../../support/oci-store.ts";

/** The jobs on a store that registries with these settings use. No time of grace is left. */
function jobsOn({ oci }: TestStore, configs: readonly Partial<InstanceConfig>[]): JobRunner {
  const { store } = oci.location;
  const instances = {
    stores: () => [oci],
    list: () => configs.map((config) => ({ name: "default", store, cleanup: [], mode: "normal", ...config })),
    outages: () => [],
    withRemovals: (work: () => Promise<unknown>) => work(),
  } as unknown as InstanceRegistry;
  const runner = new JobRunner(
    storeJobs(instances, { gcEvery: undefined, gcGrace: PASSED, scrubEvery: undefined }),
    consoleLogger,
  );
  afterThisTest(() => runner.close());
  return runner;
}

/** Seconds of a time that has passed already for what has just happened. */
const PASSED = -60;

function rule(text: string) {
  const parsed = parseCleanupRule(text);
  if (!parsed) throw new Error(`'${text}' is no rule`);
  return parsed;
}

describe("the job gc", () => {
  const NEWEST = [rule("**,newest=1")];

  test("applies no rule of a registry that serves a past state", async () => {
    const store = await TestStore.open();
    await store.image("v1");
    await store.image("v2");
    const jobs = jobsOn(store, [{ cleanup: NEWEST, at: store.oci.store.head().commitId }, {}]);
    await jobs.run("gc", { isDryRun: false });
    expect(store.tags()).toEqual(["v1", "v2"]);
  });

  test("keeps what one of the registries that share a store retains", async () => {
    const store = await TestStore.open();
    const layer = await store.blob("a layer");
    const image = await store.image("v1", { layers: [layer] });
    await store.delete(image);
    for (const other of [{}, { retention: 3600 }]) {
      await jobsOn(store, [{ retention: PASSED }, other]).run("gc", { isDryRun: false });
      expect(store.has(layer)).toBe(true);
    }
    await jobsOn(store, [{ retention: PASSED }]).run("gc", { isDryRun: false });
    expect(store.has(layer)).toBe(false);
  });

  test("leaves a store alone while one of its registries is read-only or under maintenance", async () => {
    const store = await TestStore.open();
    for (const tag of ["v1", "v2"]) await store.image(tag);
    const lost = await store.blob("uploaded and never named");
    for (const mode of ["read-only", "maintenance=moving"] as const) {
      const jobs = jobsOn(store, [{ cleanup: NEWEST }, { mode }]);
      expect(JSON.stringify(await jobs.run("gc", { isDryRun: false }))).toContain("left alone: 'default' is");
      expect([store.tags(), store.has(lost)]).toEqual([["v1", "v2"], true]);
    }
  });

  test("is not held up by a registry at a past state that is set to read-only", async () => {
    const store = await TestStore.open();
    for (const tag of ["v1", "v2"]) await store.image(tag);
    const past = { at: store.oci.store.head().commitId, mode: "read-only" } as const;
    await jobsOn(store, [{ cleanup: NEWEST }, past]).run("gc", { isDryRun: false });
    expect(store.tags()).toEqual(["v2"]);
  });

  test("leaves a store alone that no registry uses", async () => {
    const store = await TestStore.open();
    const lost = await store.blob("uploaded and never named");
    expect(await jobsOn(store, []).run("gc", { isDryRun: false })).toEqual([]);
    expect(store.has(lost)).toBe(true);
    await jobsOn(store, [{}]).run("gc", { isDryRun: false });
    expect(store.has(lost)).toBe(false);
  });
});
