import { describe, expect, test } from "bun:test";
import {
  disableBackends,
  enableBackends,
  listBackends,
} from "../../../src/backends/administration/backends.ts";
import { cancelJob, listJobs, runJob } from "../../../src/backends/administration/jobs.ts";
import { reloadConfiguration } from "../../../src/backends/administration/reload.ts";
import { readStatus } from "../../../src/backends/administration/status.ts";
import type { BackendName } from "../../../src/backends/backend-switch.ts";
import type { Mirrors } from "../../../src/backends/oci-http/mirror/mirrors.ts";
import { AdministratorOnlyError } from "../../../src/backends/refusals.ts";
import { IncompleteJobError, type Job, JobRunner } from "../../../src/primitives/jobs/job-runner.ts";
import { UserDirectory } from "../../../src/primitives/users/user-directory.ts";
import { ADMINISTRATOR, actorWith } from "../../support/actors.ts";
import { afterThisTest } from "../../support/cleanup.ts";

const administrator = actorWith(ADMINISTRATOR);
const owner = actorWith({ "http/oci/*": "owner" });

function jobsWith(run: Job["run"]) {
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const jobs = new JobRunner([{ name: "gc", summary: "", everyMs: undefined, run }], log);
  afterThisTest(() => jobs.close());
  return { jobs };
}

describe("jobs", () => {
  test("are run by administrators alone", async () => {
    let runs = 0;
    const services = jobsWith(async ({ report }) =>
      report({ subject: "store", summary: `run ${++runs}`, details: [] }),
    );
    const options = { name: "gc", isDryRun: false };
    await expect(runJob(services, owner, options)).rejects.toBeInstanceOf(AdministratorOnlyError);
    await expect(cancelJob(services, owner, "gc")).rejects.toBeInstanceOf(AdministratorOnlyError);
    expect(runs).toBe(0);
    expect(await runJob(services, administrator, options)).toEqual(["store: run 1"]);
  });

  test("that fail tell the reason to administrators alone", async () => {
    const services = jobsWith(async ({ report }) => {
      report({ subject: "store", summary: "failed: the repository secret is gone", details: [] });
      throw new IncompleteJobError("the blob of the repository secret is gone", []);
    });
    await runJob(services, administrator, { name: "gc", isDryRun: false }).catch(() => undefined);
    expect(listJobs(services, administrator)[0]?.last?.outcome).toContain("secret is gone");
    expect(listJobs(services, owner)[0]?.last).toMatchObject({
      outcome: "failed",
      reports: [{ subject: "store", summary: "failed" }],
    });
  });
});

test("backends are switched by administrators alone, and the change is theirs", async () => {
  const switched: unknown[] = [];
  const note = (...what: unknown[]): BackendName[] => {
    switched.push(...what);
    return [];
  };
  const services = {
    backends: {
      stateOf: () => "enabled" as const,
      enable: async (...args: unknown[]) => note("enable", ...args),
      disable: async (...args: unknown[]) => note("disable", ...args),
    },
  };
  const names: BackendName[] = ["oci-http"];
  for (const change of [enableBackends, disableBackends])
    await expect(change(services, owner, names)).rejects.toBeInstanceOf(AdministratorOnlyError);
  expect(switched).toEqual([]);
  await disableBackends(services, administrator, names);
  expect(switched).toEqual(["disable", administrator.identity, names]);
  expect(listBackends(services)).toContainEqual({ name: "oci-http", state: "enabled" });
});

test("the configuration is reloaded by administrators alone", async () => {
  let reloads = 0;
  const services = {
    server: {
      reload: async () => {
        reloads++;
        return ["users: added bob"];
      },
    },
    users: { directory: new UserDirectory([]) },
    instances: { list: () => [] },
  };
  await expect(reloadConfiguration(services, owner)).rejects.toBeInstanceOf(AdministratorOnlyError);
  expect(reloads).toBe(0);
  expect(await reloadConfiguration(services, administrator)).toEqual({
    changes: ["users: added bob"],
    registries: 0,
    users: 1,
  });
});

test("only administrators may read the server's status", async () => {
  const http = { requests: 3, clientErrors: 1, serverErrors: 0, received: 10, sent: 20, underWay: 1 };
  const services = {
    server: {
      started: Date.now() / 1000 - 90,
      failedLogins: { refused: 2, limited: 1 },
      traffic: { totals: () => http },
    },
    instances: {
      list: () => [],
      stores: () => [],
      outages: () => [],
      mirrors: { list: () => [] } as unknown as Mirrors,
    },
    jobs: { list: () => [] },
    replicas: { list: () => [] },
  };
  await expect(readStatus(services, owner)).rejects.toBeInstanceOf(AdministratorOnlyError);
  expect(await readStatus(services, administrator)).toMatchObject({
    uptimeSeconds: 90,
    http,
    failedLogins: { refused: 2, limited: 1 },
    registries: 0,
    outOfService: [],
  });
});
