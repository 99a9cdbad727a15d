import type { Logger } from "../../primitives/logger.ts";
import { Semaphore } from "../../primitives/semaphore.ts";
import type { Identity } from "../../primitives/store/git/commit.ts";
import type { Store } from "../../primitives/store/store.ts";
import type { StoreManager, StoreName } from "../../primitives/store/store-manager.ts";
import { storePath } from "../../primitives/store/store-path.ts";
import type { UserDirectory } from "../../primitives/users/user-directory.ts";
import { OciInstance } from "./instance.ts";
import {
  checkTogether,
  encodeInstances,
  type InstanceConfig,
  type InstanceName,
  InvalidInstancesError,
  parseInstances,
  SYSTEM_STORE,
} from "./instance-config.ts";
import { OciStore, type OciView } from "./oci-store.ts";

/** A change of instances that can't be made, in words for who asked for it. */
export class InstanceChangeError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "InstanceChangeError";
  }
}

const CONFIG_PATH = storePath("config/oci-http.toml");
const MAX_WAITING_CHANGES = 100;

export type InstanceSettings = Partial<Pick<InstanceConfig, "vhosts" | "store" | "references" | "immutable">>;

export interface InstanceRegistryOptions {
  readonly system: Store;
  readonly stores: StoreManager;
  readonly users: () => UserDirectory;
  readonly log: Logger;
}

/** The running registries. A change is a commit, and holds for the next request; those under way finish as they began. */
export class InstanceRegistry {
  readonly #options: InstanceRegistryOptions;
  /** One change at a time, each made of what the one before left. */
  readonly #turn = new Semaphore(1, MAX_WAITING_CHANGES);
  readonly #stores = new Map<StoreName, OciStore>();
  /** Instances that are no longer configured, but still answer requests that reached them before. */
  readonly #retired = new Set<OciInstance>();
  #instances: ReadonlyMap<InstanceName, OciInstance> = new Map();
  #hosts: ReadonlyMap<string, OciInstance> = new Map();

  private constructor(options: InstanceRegistryOptions) {
    this.#options = options;
  }

  /**
   * Opens the configured instances. `complete` adds what the command line says to what is stored (`undefined` before
   * anything is). Throws `InstanceChangeError` where the result makes no sense.
   */
  static async open(
    options: InstanceRegistryOptions,
    complete: (stored: readonly InstanceConfig[] | undefined) => readonly InstanceConfig[],
  ): Promise<InstanceRegistry> {
    const registry = new InstanceRegistry(options);
    const bytes = await options.system.read(CONFIG_PATH);
    try {
      const configs = complete(bytes && parseInstances(bytes));
      checkTogether(configs);
      await registry.#apply(configs);
    } catch (error) {
      await registry.close();
      if (!(error instanceof InvalidInstancesError)) throw error;
      throw new InstanceChangeError(`${CONFIG_PATH} in the store ${SYSTEM_STORE}: ${error.message}`);
    }
    return registry;
  }

  list(): readonly InstanceConfig[] {
    return [...this.#instances.values()].map((instance) => instance.config);
  }

  /** The instance at each virtual host. */
  hosts(): ReadonlyMap<string, OciInstance> {
    return this.#hosts;
  }

  /** What an instance stores. Throws `InstanceChangeError` if there is no such instance. */
  storeOf(name: InstanceName): OciStore {
    const store = this.#stores.get(this.existing(name).store);
    if (!store) throw new InstanceChangeError(`the store of '${name}' is not open`);
    return store;
  }

  /** The history of a store that exists, whether an instance uses it or not. */
  async historyOf(name: StoreName): Promise<Store> {
    if (!this.#stores.has(name) && !this.#options.stores.list().includes(name)) {
      throw new InstanceChangeError(`there is no store '${name}'`);
    }
    return (await this.#turn.run(() => this.#openStore(name))).store;
  }

  async create(actor: Identity, config: InstanceConfig): Promise<void> {
    await this.#change(actor, `create the registry ${config.name}`, (configs) => [...configs, config]);
  }

  async set(actor: Identity, name: InstanceName, settings: InstanceSettings): Promise<void> {
    await this.#change(
      actor,
      `set ${Object.keys(settings).join(", ")} of the registry ${name}`,
      (configs) => {
        const config = existing(configs, name);
        return configs.map((other) => (other === config ? { ...config, ...settings } : other));
      },
    );
  }

  /** Its store stays. */
  async delete(actor: Identity, name: InstanceName): Promise<void> {
    await this.#change(actor, `delete the registry ${name}`, (configs) => {
      const config = existing(configs, name);
      return configs.filter((other) => other !== config);
    });
  }

  /** Throws `InstanceChangeError` if there is no such instance. */
  existing(name: InstanceName): InstanceConfig {
    return existing(this.list(), name);
  }

  /** For when no request is under way any more. */
  async close(): Promise<void> {
    this.#hosts = new Map();
    this.#instances = new Map();
    this.#retired.clear();
    await this.#turn.run(() => this.#closeUnusedStores());
  }

  async #change(
    actor: Identity,
    message: string,
    edit: (configs: readonly InstanceConfig[]) => readonly InstanceConfig[],
  ): Promise<void> {
    await this.#turn.run(async () => {
      const configs = edit(this.list());
      try {
        checkTogether(configs);
      } catch (error) {
        if (error instanceof InvalidInstancesError) throw new InstanceChangeError(error.message);
        throw error;
      }
      // Opened first: what can't be opened must not become part of the configuration.
      for (const config of configs) await this.#openView(config);
      await this.#options.system.write(CONFIG_PATH, encodeInstances(configs), { author: actor, message });
      await this.#apply(configs);
    });
  }

  async #apply(configs: readonly InstanceConfig[]): Promise<void> {
    const before = this.#instances;
    const instances = new Map<InstanceName, OciInstance>();
    for (const config of configs) {
      const known = before.get(config.name);
      const isSame = known && Bun.deepEquals(known.config, config);
      const view = await this.#openView(config);
      instances.set(config.name, isSame ? known : new OciInstance(config, view, this.#options.users));
    }
    this.#instances = instances;
    this.#hosts = new Map(
      [...instances.values()].flatMap((instance) => instance.config.vhosts.map((host) => [host, instance])),
    );
    for (const instance of before.values()) {
      if (instances.get(instance.config.name) !== instance) this.#retire(instance);
    }
  }

  /** Lets requests under way finish, however long an upload takes, and then lets go of a store that nobody uses. */
  #retire(instance: OciInstance): void {
    this.#retired.add(instance);
    instance
      .idle()
      .then(() => {
        this.#retired.delete(instance);
        return this.#turn.run(() => this.#closeUnusedStores());
      })
      .catch((error) => this.#options.log.error("a store could not be closed", error));
  }

  async #closeUnusedStores(): Promise<void> {
    const users = [...this.#instances.values(), ...this.#retired];
    const used = new Set(users.map((instance) => instance.config.store));
    const frozen = new Set(users.flatMap((instance) => instance.config.at ?? []));
    for (const [name, store] of this.#stores) {
      if (used.has(name)) {
        store.dropFrozenExcept(frozen);
        continue;
      }
      this.#stores.delete(name);
      await store.close();
    }
  }

  async #openView({ store, at }: InstanceConfig): Promise<OciView> {
    const oci = await this.#openStore(store);
    return at ? oci.frozenAt(at) : oci;
  }

  /** Instances may share a store. */
  async #openStore(name: StoreName): Promise<OciStore> {
    const open = this.#stores.get(name) ?? (await OciStore.open(this.#options.stores, name));
    this.#stores.set(name, open);
    return open;
  }
}

function existing(configs: readonly InstanceConfig[], name: InstanceName): InstanceConfig {
  const config = configs.find((candidate) => candidate.name === name);
  if (!config) throw new InstanceChangeError(`no registry '${name}'`);
  return config;
}
