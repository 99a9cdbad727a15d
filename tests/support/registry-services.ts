import type { ContentServices } from "../../src/backends/oci-http/operations/registry-access.ts";
import type { ReplicaServices } from "../../src/backends/oci-http/operations/replicas.ts";
import type { InstanceConfig, InstanceName } from "../../src/backends/oci-http/settings/instance-config.ts";
import { completeSettings } from "../../src/backends/oci-http/settings/instance-settings.ts";
import type { TestStore } from "./oci-store.ts";

export const DEFAULT = "default" as InstanceName;

/** One registry, `default`, over a store; a test can change its settings while an operation runs. */
export interface TestRegistry extends ContentServices {
  set(settings: Partial<InstanceConfig>): void;
}

export function registryOver(
  { oci }: Pick<TestStore, "oci">,
  settings: Partial<InstanceConfig> = {},
): TestRegistry {
  const given = { store: oci.location.store, vhosts: ["localhost"], ...settings };
  const refuse = () => {
    throw new Error("a setting is missing");
  };
  let config: InstanceConfig = { name: DEFAULT, ...completeSettings(given, refuse) };
  return {
    instances: { list: () => [config], storeOf: () => oci },
    set(changed) {
      config = { ...config, ...changed };
    },
  };
}

/** Of a server without replicas. */
export const NO_REPLICAS: ReplicaServices["replicas"] = {
  list: () => [],
  divergenceOf: () => undefined,
  giveUp: () => undefined,
  settled: async () => undefined,
};

/** Collects all items of a list operation. */
export function all<T>(list: AsyncIterable<T>): Promise<T[]> {
  return Array.fromAsync(list);
}
