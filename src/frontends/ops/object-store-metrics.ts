import { CacheCounts } from "../../primitives/s3/cache-counts.ts";
import { Outage } from "../../primitives/s3/outage.ts";
import type { S3Memory } from "../../primitives/s3/s3-memory.ts";
import type { S3CacheLocation } from "../../primitives/s3/s3-storage.ts";
import { S3_DURATION_BOUNDS, S3Traffic } from "../../primitives/s3/s3-traffic.ts";
import type { LogMeasures } from "../../primitives/store/engine/measures.ts";
import type { StoreManager } from "../../primitives/store/store-manager.ts";
import { counter, gauge, histogram, type Metric, type Sample } from "./metrics.ts";

export type MeasuredStorage = Pick<StoreManager, "location" | "measureLogs">;

/** What a node does at the object store that it shares with others; nothing where the storage is this machine's. */
export async function objectStoreMetrics(storage: MeasuredStorage): Promise<Metric[]> {
  const { location } = storage;
  if (location.kind === "local") return [];
  const { memory, cache } = location;
  return [
    ...(memory ? requestMetrics(memory) : []),
    ...logMetrics(await storage.measureLogs()),
    ...(cache ? cacheMetrics(cache) : []),
  ];
}

function requestMetrics(memory: S3Memory): Metric[] {
  const traffic = new S3Traffic(memory.traffic);
  return [
    gauge(
      "everlock_object_store_up",
      "0 while the object store has given no answer, or only failures, for some seconds.",
      { value: new Outage(memory.outage).isOn ? 0 : 1 },
    ),
    counter(
      "everlock_object_store_requests_total",
      "Requests to the object store by operation and outcome, with retries.",
      ...traffic
        .requests()
        .map(({ operation, outcome, count }) => ({ labels: { operation, outcome }, value: count })),
    ),
    histogram(
      "everlock_object_store_request_duration_seconds",
      "Time until the head of the object store's response.",
      S3_DURATION_BOUNDS,
      traffic
        .durations()
        .map(({ operation, buckets, seconds }) => ({ labels: { operation }, buckets, sum: seconds })),
    ),
    counter("everlock_object_store_retries_total", "Requests to the object store that were repeated.", {
      value: traffic.retries,
    }),
    counter(
      "everlock_object_store_withheld_total",
      "Requests that were not sent: retries when their budget was used up, and others while the object store was away.",
      { labels: { reason: "budget" }, value: traffic.withheldRetries },
      { labels: { reason: "away" }, value: traffic.withheldRequests },
    ),
    counter("everlock_object_store_sent_bytes_total", "Bytes of request bodies to the object store.", {
      value: traffic.sent,
    }),
    counter("everlock_object_store_received_bytes_total", "Bytes of objects that were read.", {
      value: traffic.received,
    }),
  ];
}

function logMetrics(logs: readonly LogMeasures[]): Metric[] {
  const each = (value: (log: LogMeasures) => number | undefined): Sample[] =>
    logs.flatMap((log) => {
      const known = value(log);
      return known === undefined ? [] : [{ labels: { store: log.store }, value: known }];
    });
  return [
    gauge(
      "everlock_log_behind_seconds",
      "Time since this node saw the end of a store's log.",
      ...each((log) => (Number.isFinite(log.secondsBehind) ? log.secondsBehind : undefined)),
    ),
    gauge(
      "everlock_log_unmerged_entries",
      "Entries of the log that no checkpoint contains.",
      ...each((log) => log.unmergedEntries),
    ),
    gauge("everlock_log_unmerged_bytes", "Bytes of these entries.", ...each((log) => log.unmergedBytes)),
    gauge(
      "everlock_log_unmerged_seconds",
      "For how long this node has known the oldest of these entries.",
      ...each((log) => log.unmergedSeconds),
    ),
    gauge(
      "everlock_log_checkpoint_timestamp_seconds",
      "When the newest checkpoint was made, in seconds since the epoch.",
      ...each((log) => (log.checkpointMade === undefined ? undefined : log.checkpointMade / 1000)),
    ),
    gauge(
      "everlock_log_copy_timestamp_seconds",
      "When the newest copy of an index was made, in seconds since the epoch.",
      ...logs.flatMap(({ store, copiesMade }) =>
        Object.entries(copiesMade).map(([index, made]) => ({ labels: { store, index }, value: made / 1000 })),
      ),
    ),
  ];
}

function cacheMetrics({ counts, bytes }: S3CacheLocation): Metric[] {
  const { used, hits, misses, hitBytes } = new CacheCounts(counts);
  return [
    counter(
      "everlock_cache_reads_total",
      "Blobs that were pulled, by whether they were in the cache.",
      { labels: { outcome: "hit" }, value: hits },
      { labels: { outcome: "miss" }, value: misses },
    ),
    counter("everlock_cache_hit_bytes_total", "Bytes of the blobs that were in the cache.", {
      value: hitBytes,
    }),
    gauge("everlock_cache_used_bytes", "Bytes of all blobs in the cache.", { value: used }),
    gauge("everlock_cache_size_bytes", "Most bytes of the cache.", { value: bytes }),
  ];
}
