import { lookUpVhost } from "../../../primitives/net/vhost.ts";
import type { InstanceConfig } from "../settings/instance-config.ts";
import { originOf, originsNamed } from "../settings/upstream-names.ts";

/** The registries that their upstream's name selects at hosts of theirs or of others: containerd sends it as `ns`. */
export class NamespaceTable<T extends { readonly config: InstanceConfig }> {
  /** By the origin of the upstream, and then by host. */
  readonly #instances: ReadonlyMap<string, ReadonlyMap<string, T>>;

  constructor(instances: readonly T[]) {
    const table = new Map<string, Map<string, T>>();
    for (const instance of instances) {
      const { nsVhosts, upstream } = instance.config;
      const origin = upstream === undefined ? undefined : originOf(upstream);
      if (origin === undefined || nsVhosts.length === 0) continue;
      const hosts = table.get(origin) ?? new Map<string, T>();
      for (const host of nsVhosts) hosts.set(host, instance);
      table.set(origin, hosts);
    }
    this.#instances = table;
  }

  /** The registry of this upstream at a host; `undefined` if the host has no other one than for all requests. */
  find(vhost: string, name: string): T | undefined {
    if (this.#instances.size === 0) return undefined;
    for (const origin of originsNamed(name)) {
      const hosts = this.#instances.get(origin);
      const instance = hosts && lookUpVhost(hosts, vhost);
      if (instance) return instance;
    }
    return undefined;
  }
}
