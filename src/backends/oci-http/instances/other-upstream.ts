import type { InstanceConfig, InstanceName } from "../settings/instance-config.ts";

/** The registries of `before` that are gone, or have another upstream, or may send its password elsewhere. */
export function withOtherUpstream(
  before: readonly InstanceConfig[],
  after: readonly InstanceConfig[],
): InstanceName[] {
  const kept = new Map(after.map((config) => [config.name, config]));
  return before.flatMap(({ name, upstream, upstreamRealm }) => {
    const now = kept.get(name);
    return now?.upstream === upstream && now?.upstreamRealm === upstreamRealm ? [] : [name];
  });
}
