import { loopbackNames } from "../../../primitives/net/vhost.ts";
import type { UserDirectory } from "../../../primitives/users/user-directory.ts";
import type { MirrorCalls } from "../mirror/mirror-calls.ts";
import type { InstanceConfig, InstanceName } from "../settings/instance-config.ts";
import type { StoreView } from "../store/store-view.ts";
import { OciInstance } from "./instance.ts";
import { InstanceOutOfService } from "./instance-out-of-service.ts";
import { NamespaceTable } from "./namespace-table.ts";

/** The handler at a registry's hosts. */
export type ServingInstance = OciInstance | InstanceOutOfService;

/** The instances that one thread serves, replaced as a whole; running requests finish with the old ones. */
export class InstanceTable {
  /** The instance at each virtual host. */
  hosts: ReadonlyMap<string, ServingInstance> = new Map();
  /** The instances that the name of their upstream selects. */
  namespaces = new NamespaceTable<ServingInstance>([]);
  readonly #users: () => UserDirectory;
  readonly #mirrors: MirrorCalls;
  #instances: ReadonlyMap<InstanceName, ServingInstance> = new Map();
  /** Replaced instances that still handle requests. */
  readonly #retired = new Set<ServingInstance>();

  constructor(users: () => UserDirectory, mirrors: MirrorCalls) {
    this.#users = users;
    this.#mirrors = mirrors;
  }

  list(): readonly InstanceConfig[] {
    return [...this.#instances.values()].map((instance) => instance.config);
  }

  /** An instance without a view is out of service. */
  replace(
    entries: readonly { readonly config: InstanceConfig; readonly view: StoreView | undefined }[],
  ): void {
    const before = this.#instances;
    this.#instances = new Map(
      entries.map(({ config, view }) => {
        const known = before.get(config.name);
        const isSame = known && known.view === view && Bun.deepEquals(known.config, config);
        if (isSame) return [config.name, known];
        return [
          config.name,
          view ? new OciInstance(config, view, this.#users, this.#mirrors) : new InstanceOutOfService(config),
        ];
      }),
    );
    this.hosts = hostsOf([...this.#instances.values()]);
    this.namespaces = new NamespaceTable([...this.#instances.values()]);
    for (const instance of before.values()) {
      if (this.#instances.get(instance.config.name) !== instance) this.#retired.add(instance);
    }
  }

  /** Resolves when no instance replaced before the call handles a request any more. */
  async settled(): Promise<void> {
    await Promise.all(
      [...this.#retired].map(async (instance) => {
        await instance.idle();
        this.#retired.delete(instance);
      }),
    );
  }
}

/** With one registry, each name of the loopback interface stands for the others: clients use any of them. */
function hostsOf(instances: readonly ServingInstance[]): ReadonlyMap<string, ServingInstance> {
  const isOnly = instances.length === 1;
  return new Map(
    instances.flatMap((instance) => {
      const { vhosts } = instance.config;
      const hosts = isOnly ? [...vhosts, ...vhosts.flatMap(loopbackNames)] : vhosts;
      return hosts.map((host) => [host, instance] as const);
    }),
  );
}
