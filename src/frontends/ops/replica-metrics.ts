import type { ReplicaRecord } from "../../backends/oci-http/replica/replicas.ts";
import { counter, gauge, type Metric, type Sample } from "./metrics.ts";

/** Of the replicas that this node follows the primaries of. */
export function replicaMetrics(replicas: readonly ReplicaRecord[]): Metric[] {
  const followed = replicas.filter(({ state }) => state.kind !== "elsewhere");
  const each = (value: (replica: ReplicaRecord) => number): Sample[] =>
    followed.map((replica) => ({ labels: { registry: replica.registry }, value: value(replica) }));
  return [
    gauge(
      "everlock_replica_complete",
      "1 while a replica has the newest commit of its primary, as far as it knows.",
      ...each(({ state, lagSeconds }) => Number(state.kind === "complete" && lagSeconds === 0)),
    ),
    gauge(
      "everlock_replica_lag_seconds",
      "For how long a replica has lacked commits of its primary, or had no answer from it; 0 while it is complete.",
      ...each(({ lagSeconds }) => lagSeconds),
    ),
    gauge(
      "everlock_replica_behind_commits",
      "Commits that a replica is known to lack.",
      ...each(({ state }) => (state.kind === "behind" ? state.commits : 0)),
    ),
    gauge(
      "everlock_replica_diverged",
      "1 while a replica does not follow, because it has commits that its primary lacks.",
      ...each(({ state }) => Number(state.kind === "diverged")),
    ),
    counter(
      "everlock_replica_commits_total",
      "Commits that were taken over.",
      ...each(({ commits }) => commits),
    ),
    counter(
      "everlock_replica_fetched_bytes_total",
      "Bytes of blobs that were fetched from primaries.",
      ...each(({ fetchedBytes }) => fetchedBytes),
    ),
  ];
}
