import { BACKENDS as BACKEND_NAMES, BackendSwitch } from "../../backends/backend-switch.ts";
import { InstanceRegistry } from "../../backends/oci-http/instances/instance-registry.ts";
import { SYSTEM_STORE } from "../../backends/oci-http/settings/instance-config.ts";
import { syncJob } from "../../backends/oci-http/sync/sync-job.ts";
import { leasedJob } from "../../backends/oci-http/upkeep/leased-jobs.ts";
import { storeJobs } from "../../backends/oci-http/upkeep/store-jobs.ts";
import { upstreamOpener } from "../../backends/oci-http/upstreams/open-upstream.ts";
import { StoredCredentials } from "../../backends/oci-http/upstreams/stored-credentials.ts";
import { JobRunner } from "../../primitives/jobs/job-runner.ts";
import { serverPart } from "./context.ts";
import { STORES } from "./data.ts";
import { USERS } from "./users.ts";

export const SYSTEM = serverPart({
  name: "the configuration",
  starting: "opening the configuration",
  needs: { opened: STORES },
  start: ({ opened }) => opened.stores.open(SYSTEM_STORE),
  stop: (system) => system.close(),
});

export const BACKENDS = serverPart({
  name: "the backends",
  needs: { system: SYSTEM },
  async start({ system }, { config, log }) {
    const backends = await BackendSwitch.load(system, [
      ...(config.instances ? (["oci-http"] as const) : []),
      ...(config.web ? (["web"] as const) : []),
      ...(config.ssh ? (["admin-ssh"] as const) : []),
    ]);
    for (const name of BACKEND_NAMES) {
      if (backends.stateOf(name) === "disabled")
        log.warn(`the backend '${name}' is disabled; '/backends enable ${name}' in the console enables it`);
    }
    return backends;
  },
});

export const INSTANCES = serverPart({
  name: "the registries",
  starting: "opening the registries",
  needs: { system: SYSTEM, opened: STORES, users: USERS },
  start: ({ system, opened: { stores }, users }, { config, log }) => {
    const credentials = new StoredCredentials(stores);
    const openUpstream = upstreamOpener({ stored: credentials, operator: config.upstreamCredentials });
    return InstanceRegistry.open(
      { system, stores, users: () => users.directory, quotas: config.quotas, log, credentials, openUpstream },
      config.instances ?? ((stored) => stored ?? []),
    );
  },
  stop: (instances) => instances.close(),
});

export const JOBS = serverPart({
  name: "jobs",
  needs: { instances: INSTANCES, opened: STORES },
  async start({ instances, opened: { stores } }, { config, log }) {
    const jobs = [...storeJobs(instances, config.jobs), syncJob(instances)];
    const { location } = stores;
    if (location.kind === "local") return new JobRunner(jobs, log);
    const options = { leases: await stores.openLeases(), node: location.node };
    return new JobRunner(
      jobs.map((job) => leasedJob(job, options)),
      log,
    );
  },
  stop: (jobs) => jobs.close(),
});

/** Reads the histories in the background, so that the first query need not wait. */
export const HISTORIES = serverPart({
  name: "the histories",
  needs: { instances: INSTANCES },
  start({ instances }, { log }) {
    for (const { history, location } of instances.stores()) {
      history
        .catchUp()
        .catch((error) => log.error(`the history of the store '${location.store}' could not be read`, error));
    }
  },
});
