import type { JobRunner, JobState } from "../../primitives/jobs/job-runner.ts";
import { type Actor, requireAdministrator } from "../actor.ts";
import type { InstanceRegistry } from "../oci-http/instances/instance-registry.ts";
import type { MirrorRecord } from "../oci-http/mirror/mirror-counts.ts";
import type { ReplicaRecord, Replicas } from "../oci-http/replica/replicas.ts";
import type { RegistryMode } from "../oci-http/settings/registry-mode.ts";
import { type StoreStatus, statusesOf } from "../oci-http/store/store-status.ts";

export type { StoreStatus } from "../oci-http/store/store-status.ts";

/** HTTP traffic since the start. */
export interface TrafficTotals {
  readonly requests: number;
  /** Responses with status 4xx. */
  readonly clientErrors: number;
  /** Responses with status 5xx. */
  readonly serverErrors: number;
  /** Bytes of request bodies. */
  readonly received: number;
  readonly sent: number;
  readonly underWay: number;
}

export interface StatusServices {
  readonly server: {
    /** Seconds since the epoch. */
    readonly started: number;
    readonly failedLogins: FailedLogins;
    readonly traffic: { totals(): TrafficTotals };
  };
  readonly instances: Pick<InstanceRegistry, "list" | "stores" | "outages" | "mirrors">;
  readonly jobs: Pick<JobRunner, "list">;
  readonly replicas: Pick<Replicas, "list">;
}

interface FailedLogins {
  /** Logins with a wrong name or password. */
  readonly refused: number;
  /** Logins refused while the name was locked. */
  readonly limited: number;
}

/** The status of the server. */
export interface ServerStatus {
  readonly time: Date;
  readonly uptimeSeconds: number;
  readonly memoryBytes: number;
  /** CPU time of all threads since the start. */
  readonly cpuSeconds: number;
  readonly http: TrafficTotals;
  readonly failedLogins: FailedLogins;
  readonly registries: number;
  readonly outOfService: readonly { readonly registry: string; readonly problem: string }[];
  /** Registries that are read-only or under maintenance. */
  readonly modes: readonly { readonly registry: string; readonly mode: RegistryMode }[];
  readonly stores: readonly StoreStatus[];
  readonly unreadable: readonly { readonly store: string; readonly problem: string }[];
  readonly jobs: readonly JobState[];
  /** What registries with an upstream have fetched. */
  readonly mirrors: readonly MirrorRecord[];
  /** How replicas stand to their primaries. */
  readonly replicas: readonly ReplicaRecord[];
}

/** Reads the status; for administrators. */
export async function readStatus(
  { server, instances, jobs, replicas }: StatusServices,
  actor: Actor,
): Promise<ServerStatus> {
  requireAdministrator(actor);
  const { user, system } = process.cpuUsage();
  const { read, unreadable } = await statusesOf(instances.stores());
  return {
    time: new Date(),
    uptimeSeconds: Math.floor(Date.now() / 1000 - server.started),
    memoryBytes: process.memoryUsage.rss(),
    cpuSeconds: (user + system) / 1e6,
    http: server.traffic.totals(),
    failedLogins: { ...server.failedLogins },
    registries: instances.list().length,
    outOfService: instances.outages().map(({ config, problem }) => ({ registry: config.name, problem })),
    modes: instances
      .list()
      .flatMap(({ name, mode }) => (mode === "normal" ? [] : [{ registry: name, mode }])),
    stores: read,
    unreadable,
    jobs: jobs.list(),
    mirrors: instances.mirrors.list(),
    replicas: replicas.list(),
  };
}
