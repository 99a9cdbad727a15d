import type { InstanceRegistry } from "../../backends/oci-http/instances/instance-registry.ts";
import type { OciStore } from "../../backends/oci-http/store/oci-store.ts";
import { type StoreStatus, statusesOf } from "../../backends/oci-http/store/store-status.ts";
import type { JobRunner } from "../../primitives/jobs/job-runner.ts";
import type { PasswordChecker } from "../../primitives/users/password-checker.ts";
import type { UserRegistry } from "../../primitives/users/user-registry.ts";
import { DURATION_BOUNDS, type HttpTraffic } from "../http/requests/http-traffic.ts";
import { histogram, type Metric, type Sample } from "./metrics.ts";

/** What metrics are told of. */
export interface MeasuredServices {
  readonly instances: InstanceRegistry;
  readonly users: UserRegistry;
  readonly passwords: PasswordChecker;
  readonly jobs: JobRunner;
  readonly traffic: HttpTraffic;
  /** Of this program. */
  readonly version: Readonly<Record<string, string>>;
  /** When it was started, in seconds since the epoch. */
  readonly started: number;
}

export function serverMetrics(services: MeasuredServices): Metric[] {
  return [
    ...processMetrics(services),
    ...trafficMetrics(services),
    ...accessMetrics(services),
    ...storeMetrics(services.instances.stores()),
    ...jobMetrics(services),
  ];
}

function gauge(name: string, help: string, ...samples: readonly Sample[]): Metric {
  return { name, help, type: "gauge", samples };
}

function counter(name: string, help: string, ...samples: readonly Sample[]): Metric {
  return { name, help, type: "counter", samples };
}

function processMetrics({ version, started }: MeasuredServices): Metric[] {
  const { user, system } = process.cpuUsage();
  return [
    gauge("everlock_build_info", "The version that runs.", { labels: version, value: 1 }),
    gauge("process_start_time_seconds", "When it was started, in seconds since the epoch.", {
      value: started,
    }),
    gauge("process_resident_memory_bytes", "Resident memory.", { value: process.memoryUsage.rss() }),
    counter("process_cpu_seconds_total", "Time of the processor, of all threads.", {
      value: (user + system) / 1e6,
    }),
  ];
}

function trafficMetrics({ traffic }: MeasuredServices): Metric[] {
  return [
    counter(
      "everlock_http_requests_total",
      "Requests by endpoint, method and status of the answer.",
      ...traffic.requests().map(({ route, method, status, count }) => ({
        labels: { route, method, status: status === 0 ? "other" : String(status) },
        value: count,
      })),
    ),
    histogram(
      "everlock_http_request_duration_seconds",
      "Time from the head of a request to its answer; a layer is sent after that.",
      DURATION_BOUNDS,
      traffic
        .durations()
        .map(({ route, classes, seconds }) => ({ labels: { route }, classes, sum: seconds })),
    ),
    counter("everlock_http_received_bytes_total", "Bytes of bodies in requests.", {
      value: traffic.received,
    }),
    counter("everlock_http_sent_bytes_total", "Bytes of bodies in answers.", { value: traffic.sent }),
    gauge("everlock_http_requests_in_flight", "Requests that are being answered.", {
      value: traffic.underWay,
    }),
    counter(
      "everlock_http_threads_replaced_total",
      "Threads that failed or did not answer for seconds, and were replaced.",
      { value: traffic.replacedThreads },
    ),
    gauge("everlock_http_connections", "Connections that are open (Linux only).", {
      value: traffic.connections,
    }),
    counter(
      "everlock_http_connections_closed_total",
      "Connections that were closed because one address, or all together, had too many.",
      { value: traffic.closedConnections },
    ),
  ];
}

function accessMetrics({ instances, users, passwords }: MeasuredServices): Metric[] {
  const { refused, limited } = passwords.failures;
  return [
    gauge("everlock_registries", "Registries that are configured.", { value: instances.list().length }),
    gauge(
      "everlock_registry_up",
      "0 while a registry is out of service because its store can't be opened.",
      ...instances.served().map(({ config, location }) => ({
        labels: { registry: config.name },
        value: location ? 1 : 0,
      })),
    ),
    gauge("everlock_users", "Users, with anon.", { value: users.directory.list().length }),
    counter(
      "everlock_login_failures_total",
      "Logins that failed, over HTTP and SSH: with a wrong name, password or token, or while too many had failed.",
      { labels: { reason: "wrong" }, value: refused },
      { labels: { reason: "locked" }, value: limited },
    ),
    counter("everlock_password_comparisons_total", "Comparisons of passwords by Argon2id.", {
      value: passwords.comparisons,
    }),
    gauge("everlock_logins_waiting", "Logins that wait for a comparison.", { value: passwords.waiting }),
  ];
}

function storeMetrics(stores: readonly OciStore[]): Metric[] {
  const { read: states, unreadable } = statusesOf(stores);
  const readable = [...states.map((state) => [state.store, 1]), ...unreadable.map(({ store }) => [store, 0])];
  const each = (value: (state: StoreStatus) => number | undefined): Sample[] =>
    states.flatMap((state) => {
      const known = value(state);
      return known === undefined ? [] : [{ labels: { store: state.store }, value: known }];
    });
  return [
    gauge(
      "everlock_store_readable",
      "0 while what is known of a store can't be read; its other metrics are missing then.",
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
      "Bytes that open uploads hold.",
      ...each(({ uploadBytes }) => uploadBytes),
    ),
    gauge(
      "everlock_uploads_open",
      "Uploads that were begun and not ended.",
      ...each(({ uploads }) => uploads),
    ),
    counter("everlock_commits_total", "Commits made since the start.", ...each(({ commits }) => commits)),
    gauge("everlock_commit_queue", "Changes that wait for their commit.", ...each(({ waiting }) => waiting)),
    gauge(
      "everlock_index_behind",
      "1 while the index of tags and manifests lacks commits.",
      ...each(({ isIndexBehind }) => Number(isIndexBehind)),
    ),
    gauge(
      "everlock_history_index_behind",
      "1 while the index of the history lacks commits; it catches up when it is asked.",
      ...each(({ isHistoryBehind }) => Number(isHistoryBehind)),
    ),
  ];
}

function jobMetrics({ jobs }: MeasuredServices): Metric[] {
  const states = jobs.list();
  return [
    gauge(
      "everlock_job_running",
      "Whether a background job runs.",
      ...states.map(({ name, running }) => ({ labels: { job: name }, value: running ? 1 : 0 })),
    ),
    counter(
      "everlock_job_runs_total",
      "Runs that have ended, by outcome.",
      ...states.flatMap(({ name, runs }) =>
        Object.entries(runs).map(([outcome, value]) => ({ labels: { job: name, outcome }, value })),
      ),
    ),
    gauge(
      "everlock_job_last_end_timestamp_seconds",
      "When the last run ended, in seconds since the epoch.",
      ...states.flatMap(({ name, last }) =>
        last ? [{ labels: { job: name }, value: last.ended.getTime() / 1000 }] : [],
      ),
    ),
  ];
}
