import type { InstanceRegistry } from "../../backends/oci-http/instances/instance-registry.ts";
import { counter, gauge, type Metric } from "./metrics.ts";

/** What registries with an upstream have fetched. */
export function mirrorMetrics({ mirrors }: Pick<InstanceRegistry, "mirrors">): Metric[] {
  const all = mirrors.counts.list().map(([registry, counts]) => ({ registry, counts }));
  return [
    counter(
      "everlock_mirror_hits_total",
      "Manifests and blobs that mirrors served without asking upstream.",
      ...all.map(({ registry, counts }) => ({ labels: { registry }, value: counts.hits })),
    ),
    counter(
      "everlock_mirror_fetched_total",
      "Manifests and blobs that mirrors fetched and kept.",
      ...all.flatMap(({ registry, counts }) => [
        { labels: { registry, kind: "manifest" }, value: counts.manifests },
        { labels: { registry, kind: "blob" }, value: counts.blobs },
      ]),
    ),
    counter(
      "everlock_mirror_fetched_bytes_total",
      "Bytes that mirrors received from upstream.",
      ...all.map(({ registry, counts }) => ({ labels: { registry }, value: counts.bytes })),
    ),
    counter(
      "everlock_mirror_checks_total",
      "Tags that upstream was asked about.",
      ...all.flatMap(({ registry, counts }) => [
        { labels: { registry, result: "unchanged" }, value: counts.unchanged },
        { labels: { registry, result: "moved" }, value: counts.moved },
      ]),
    ),
    counter(
      "everlock_mirror_failures_total",
      "Requests that upstream limited, denied, failed, or answered wrongly.",
      ...all.flatMap(({ registry, counts }) =>
        Object.entries(counts.failures).map(([reason, value]) => ({ labels: { registry, reason }, value })),
      ),
    ),
    gauge("everlock_mirror_fetches_in_flight", "Blobs that are being fetched, or wait for their turn.", {
      value: mirrors.underWay,
    }),
  ];
}
