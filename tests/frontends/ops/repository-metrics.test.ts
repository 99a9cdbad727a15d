import { expect, test } from "bun:test";
import type { InstanceRegistry } from "../../../src/backends/oci-http/instances/instance-registry.ts";
import { formatMetrics } from "../../../src/frontends/ops/metrics.ts";
import { RepositoryMetrics } from "../../../src/frontends/ops/repository-metrics.ts";
import type { RepositoryName } from "../../../src/registry/model/repository-name.ts";
import { afterThisTest } from "../../support/cleanup.ts";
import { APP, TestStore } from "../../support/oci-store.ts";
import { registryOver } from "../../support/registry-services.ts";

const MINUTE_MS = 60_000;

function metricsOf(store: TestStore, settings: { quota?: number; repositoryQuota?: number } = {}) {
  const { instances } = registryOver(store, settings);
  const warnings: string[] = [];
  let now = 0;
  const services = { list: instances.list, stores: () => [store.oci] } as unknown as InstanceRegistry;
  const metrics = new RepositoryMetrics(services, { warn: (text) => void warnings.push(text) }, () => now);
  afterThisTest(() => metrics.stop());
  return {
    metrics,
    warnings,
    pass: (ms: number) => {
      now += ms;
    },
    measure: async () => {
      await metrics.measured();
      metrics.latest();
      await metrics.measured();
    },
    samples: () =>
      formatMetrics(metrics.latest())
        .split("\n")
        .filter((line) => line !== "" && !line.startsWith("#")),
  };
}

test("the largest repositories have metrics of their bytes and quotas once they are measured", async () => {
  const store = await TestStore.open();
  await store.image("v1");
  const { metrics, samples } = metricsOf(store, { quota: 5000, repositoryQuota: 1000 });
  const { store: name } = store.oci.location;
  const quota = `everlock_registry_quota_bytes{registry="default",store="${name}"} 5000`;
  expect(samples()).toEqual([quota]);
  await metrics.measured();
  const labels = `{store="${name}",repository="${APP}"}`;
  expect(samples()).toEqual([
    expect.stringMatching(/^everlock_repository_bytes.* [1-9]\d+$/),
    `everlock_repository_quota_bytes${labels} 1000`,
    quota,
  ]);
  expect(samples()[0]).toStartWith(`everlock_repository_bytes${labels} `);
});

test("no more than twenty repositories of a store have metrics", async () => {
  const store = await TestStore.open();
  for (let i = 0; i < 25; i++) await store.image("v1", { repository: `team/app-${i}` as RepositoryName });
  const { metrics, samples } = metricsOf(store);
  samples();
  await metrics.measured();
  expect(samples()).toHaveLength(20);
});

test("the repositories are measured again only after ten minutes", async () => {
  const store = await TestStore.open();
  await store.image("v1");
  const { measure, samples, pass } = metricsOf(store);
  await measure();
  await store.image("v1", { repository: "team/late" as RepositoryName });
  pass(9 * MINUTE_MS);
  await measure();
  expect(samples()).toHaveLength(1);
  pass(2 * MINUTE_MS);
  await measure();
  expect(samples()).toHaveLength(2);
});

test("a failure is warned of, and leaves the other metrics", async () => {
  const store = await TestStore.open();
  await store.image("v1");
  store.oci.blobs.stat = () => Promise.reject(new Error("no disk"));
  const { metrics, samples, warnings } = metricsOf(store, { quota: 1 });
  samples();
  await metrics.measured();
  expect(warnings).toEqual(["the repositories could not be measured: Error: no disk"]);
  expect(samples()).toHaveLength(1);
});

test("a stop waits for the measurement that it breaks off, which is no failure", async () => {
  const store = await TestStore.open();
  await store.image("v1");
  const go = Promise.withResolvers<void>();
  const stat = store.oci.blobs.stat.bind(store.oci.blobs);
  store.oci.blobs.stat = async (digest) => {
    await go.promise;
    // Longer than a slice of background work.
    for (const end = performance.now() + 5; performance.now() < end; );
    return stat(digest);
  };
  const { metrics, samples, warnings } = metricsOf(store);
  samples();
  const stopped = metrics.stop();
  go.resolve();
  await stopped;
  expect([samples(), warnings]).toEqual([[], []]);
});
