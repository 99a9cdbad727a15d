import type { BackendSwitch } from "../../backends/backend-switch.ts";
import type { InstanceRegistry } from "../../backends/oci-http/instances/instance-registry.ts";
import type { Replicas } from "../../backends/oci-http/replica/replicas.ts";
import type { OciStore } from "../../backends/oci-http/store/oci-store.ts";
import { type StoreStatus, statusesOf } from "../../backends/oci-http/store/store-status.ts";
import type { JobRunner } from "../../primitives/jobs/job-runner.ts";
import type { PasswordChecker } from "../../primitives/users/password-checker.ts";
import type { UserRegistry } from "../../primitives/users/user-registry.ts";
import type { Certificate } from "../http/listen/certificates.ts";
import { DURATION_BOUNDS, type HttpTraffic } from "../http/requests/http-traffic.ts";
import { hostMetrics } from "./host-metrics.ts";
import { counter, gauge, histogram, type Metric, type Sample } from "./metrics.ts";
import { mirrorMetrics } from "./mirror-metrics.ts";
import { type MeasuredStorage, objectStoreMetrics } from "./object-store-metrics.ts";
import { replicaMetrics } from "./replica-metrics.ts";

/** What metrics say of uploads through other nodes may be this old (ms). */
const UPLOADS_AGE_MS = 30_000;

/** The services whose state the metrics report. */
export interface MeasuredServices {
  readonly instances: Pick<InstanceRegistry, "list" | "served" | "outages" | "stores" | "mirrors">;
  readonly backends: Pick<BackendSwitch, "stateOf">;
  readonly users: Pick<UserRegistry, "directory">;
  readonly passwords: Pick<PasswordChecker, "failures" | "comparisons" | "waiting">;
  readonly jobs: Pick<JobRunner, "list">;
  readonly traffic: HttpTraffic;
  readonly replicas: Pick<Replicas, "list">;
  readonly storage: MeasuredStorage;
  /** The certificates in use. */
  readonly certificates: () => readonly Certificate[];
  readonly dataDir: string;
  /** Labels of `everlock_build_info`. */
  readonly version: Readonly<Record<string, string>>;
  /** Start time of the process, in seconds since the epoch. */
  readonly started: number;
}

export async function serverMetrics(services: MeasuredServices): Promise<Metric[]> {
  return [
    ...processMetrics(services),
    ...(await hostMetrics(services)),
    ...trafficMetrics(services),
    ...accessMetrics(services),
    ...replicaMetrics(services.replicas.list()),
    ...(await storeMetrics(services.instances.stores())),
    ...jobMetrics(services),
    ...mirrorMetrics(services.instances),
    ...(await objectStoreMetrics(services.storage)),
  ];
}

function processMetrics({ version, started }: MeasuredServices): Metric[] {
  const { user, system } = process.cpuUsage();
  return [
    gauge("everlock_build_info", "Version of the running server.", { labels: version, value: 1 }),
    gauge("process_start_time_seconds", "Start time, in seconds since the epoch.", {
      value: started,
    }),
    gauge("process_resident_memory_bytes", "Resident memory.", { value: process.memoryUsage.rss() }),
    counter("process_cpu_seconds_total", "CPU time of all threads, in seconds.", {
      value: (user + system) / 1e6,
    }),
  ];
}

function trafficMetrics({ traffic }: MeasuredServices): Metric[] {
  return [
    counter(
      "everlock_http_requests_total",
      "Requests by endpoint, method and response status.",
      ...traffic.requests().map(({ route, method, status, count }) => ({
        labels: { route, method, status: status === 0 ? "other" : String(status) },
        value: count,
      })),
    ),
    histogram(
      "everlock_http_request_duration_seconds",
      "Time from the request head to the response head; layers are sent after that.",
      DURATION_BOUNDS,
      traffic
        .durations()
        .map(({ route, buckets, seconds }) => ({ labels: { route }, buckets, sum: seconds })),
    ),
    counter("everlock_http_received_bytes_total", "Bytes of request bodies.", {
      value: traffic.received,
    }),
    counter("everlock_http_sent_bytes_total", "Bytes of response bodies.", { value: traffic.sent }),
    gauge("everlock_http_requests_in_flight", "Requests in progress.", {
      value: traffic.inFlight,
    }),
    counter(
      "everlock_http_threads_replaced_total",
      "HTTP threads that were replaced because they failed or hung.",
      { value: traffic.replacedThreads },
    ),
    gauge("everlock_http_connections", "Open connections (Linux only).", {
      value: traffic.connections,
    }),
    counter(
      "everlock_http_connections_closed_total",
      "Connections closed because one address, or all together, had too many.",
      { value: traffic.closedConnections },
    ),
  ];
}

function accessMetrics({ instances, backends, users, passwords }: MeasuredServices): Metric[] {
  const { refused, limited } = passwords.failures;
  const areDisabled = backends.stateOf("oci-http") === "disabled";
  return [
    gauge("everlock_registries", "Configured registries.", { value: instances.list().length }),
    gauge(
      "everlock_registry_up",
      "0 while a registry is out of service: its store can't be opened, or the registries are disabled.",
      ...instances.served().map(({ config, location }) => ({
        labels: { registry: config.name },
        value: location && !areDisabled ? 1 : 0,
      })),
    ),
    gauge("everlock_users", "Users, including anon.", { value: users.directory.list().length }),
    counter(
      "everlock_login_failures_total",
      "Failed logins over HTTP and SSH: wrong name, password or token, or locked after too many failures.",
      { labels: { reason: "wrong" }, value: refused },
      { labels: { reason: "locked" }, value: limited },
    ),
    counter("everlock_password_comparisons_total", "Password comparisons with Argon2id.", {
      value: passwords.comparisons,
    }),
    gauge("everlock_logins_waiting", "Logins that wait for a password comparison.", {
      value: passwords.waiting,
    }),
  ];
}

async function storeMetrics(stores: readonly OciStore[]): Promise<Metric[]> {
  const { read: states, unreadable } = await statusesOf(stores, UPLOADS_AGE_MS);
  const readable = [...states.map((state) => [state.store, 1]), ...unreadable.map(({ store }) => [store, 0])];
  const each = (value: (state: StoreStatus) => number | undefined): Sample[] =>
    states.flatMap((state) => {
      const known = value(state);
      return known === undefined ? [] : [{ labels: { store: state.store }, value: known }];
    });
  return [
    gauge(
      "everlock_store_readable",
      "0 while the state of a store can't be read; its other metrics are missing then.",
      ...readable.map(([store, value]) => ({ labels: { store: String(store) }, value: Number(value) })),
    ),
    gauge("everlock_store_repositories", "Repositories.", ...each(({ repositories }) => repositories)),
    gauge("everlock_store_tags", "Tags.", ...each(({ tags }) => tags)),
    gauge("everlock_store_manifests", "Manifests.", ...each(({ manifests }) => manifests)),
    gauge("everlock_store_blobs", "Blobs.", ...each(({ blobs }) => blobs)),
    gauge("everlock_store_blob_bytes", "Bytes of all blobs.", ...each(({ blobBytes }) => blobBytes)),
    gauge(
      "everlock_store_manifest_bytes",
      "Bytes of the manifests of all repositories.",
      ...each(({ manifestBytes }) => manifestBytes),
    ),
    gauge(
      "everlock_uploads_bytes",
      "Bytes of open upload sessions.",
      ...each(({ uploadBytes }) => uploadBytes),
    ),
    gauge("everlock_uploads_open", "Open upload sessions.", ...each(({ uploads }) => uploads)),
    counter(
      "everlock_commits_total",
      "Commits made since the server started.",
      ...each(({ commits }) => commits),
    ),
    gauge("everlock_commit_queue", "Changes that wait to be committed.", ...each(({ waiting }) => waiting)),
    gauge(
      "everlock_index_behind",
      "1 while the index of tags and manifests is behind the branch.",
      ...each(({ isIndexBehind }) => Number(isIndexBehind)),
    ),
    gauge(
      "everlock_history_index_behind",
      "1 while the history index is behind the branch; it catches up at the next query.",
      ...each(({ isHistoryBehind }) => Number(isHistoryBehind)),
    ),
  ];
}

function jobMetrics({ jobs }: MeasuredServices): Metric[] {
  const states = jobs.list();
  return [
    gauge(
      "everlock_job_running",
      "1 while the background job runs.",
      ...states.map(({ name, running }) => ({ labels: { name }, value: running ? 1 : 0 })),
    ),
    counter(
      "everlock_job_runs_total",
      "Completed runs, by outcome.",
      ...states.flatMap(({ name, runs }) =>
        Object.entries(runs).map(([outcome, value]) => ({ labels: { name, outcome }, value })),
      ),
    ),
    gauge(
      "everlock_job_last_end_timestamp_seconds",
      "End time of the last run, in seconds since the epoch.",
      ...states.flatMap(({ name, last }) =>
        last ? [{ labels: { name }, value: last.ended.getTime() / 1000 }] : [],
      ),
    ),
    gauge(
      "everlock_job_last_success_timestamp_seconds",
      "End time of the last run that did all of its work, in seconds since the epoch.",
      ...states.flatMap(({ name, lastSuccess }) =>
        lastSuccess ? [{ labels: { name }, value: lastSuccess.getTime() / 1000 }] : [],
      ),
    ),
  ];
}
