import type { Logger } from "../../primitives/logger.ts";
import { Semaphore } from "../../primitives/semaphore.ts";
import type { Identity } from "../../primitives/store/git/commit.ts";
import type { Store } from "../../primitives/store/store.ts";
import type { StoreManager, StoreName } from "../../primitives/store/store-manager.ts";
import { storePath } from "../../primitives/store/store-path.ts";
import type { UserDirectory } from "../../primitives/users/user-directory.ts";
import {
  checkTogether,
  encodeInstances,
  type InstanceConfig,
  type InstanceName,
  InvalidInstancesError,
  parseInstances,
  SYSTEM_STORE,
} from "./instance-config.ts";
import { ALL_SETTINGS, changedSettings, type InstanceValues } from "./instance-settings.ts";
import { InstanceTable } from "./instance-table.ts";
import { OciStore, type ViewLocation } from "./oci-store.ts";
import type { OciView } from "./oci-view.ts";
import type { Quotas } from "./quotas.ts";

/** A change of instances that can't be made, in words for who asked for it. */
export class InstanceChangeError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "InstanceChangeError";
  }
}

const CONFIG_PATH = storePath("config/oci-http.toml");
const MAX_WAITING_CHANGES = 100;

export interface InstanceRegistryOptions {
  readonly system: Store;
  readonly stores: StoreManager;
  readonly users: () => UserDirectory;
  /** For instances that have none of their own. */
  readonly quotas?: Quotas;
  readonly log: Logger;
}

/** What another thread needs to know of an instance to serve it. */
export interface ServedInstance {
  readonly config: InstanceConfig;
  readonly location: ViewLocation;
}

/** Other threads that serve the instances. */
export interface ServingThreads {
  /** Called before a change is acknowledged: it holds for every request that comes after. */
  changed(): void;
  /** Resolves once no thread answers a request by a configuration that was replaced before. */
  settled(): Promise<void>;
}

const NO_OTHER_THREADS: ServingThreads = { changed: () => undefined, settled: async () => undefined };

/** The running registries. A change is a commit, and holds for the next request; those under way finish as they began. */
export class InstanceRegistry {
  readonly #options: InstanceRegistryOptions;
  /** One change at a time, each made of what the one before left. */
  readonly #turn = new Semaphore(1, MAX_WAITING_CHANGES);
  readonly #removals = new Semaphore(1, MAX_WAITING_CHANGES);
  readonly #stores = new Map<StoreName, OciStore>();
  readonly #table: InstanceTable;
  #threads = NO_OTHER_THREADS;
  #locations: ReadonlyMap<InstanceName, ViewLocation> = new Map();
  #changes = 0;
  #releasing = false;

  private constructor(options: InstanceRegistryOptions) {
    this.#options = options;
    this.#table = new InstanceTable(options.users);
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
    return this.#table.list();
  }

  /** The instance at each virtual host. */
  hosts(): InstanceTable["hosts"] {
    return this.#table.hosts;
  }

  serveWith(threads: ServingThreads): void {
    this.#threads = threads;
  }

  served(): ServedInstance[] {
    return this.list().flatMap((config) => {
      const location = this.#locations.get(config.name);
      return location ? [{ config, location }] : [];
    });
  }

  /** The stores that are open. */
  stores(): readonly OciStore[] {
    return [...this.#stores.values()];
  }

  /** An open store by its name. */
  openStore(name: StoreName): OciStore | undefined {
    return this.#stores.get(name);
  }

  /** What an instance stores. Throws `InstanceChangeError` if there is no such instance. */
  storeOf(name: InstanceName): OciStore {
    const store = this.#stores.get(this.existing(name).store);
    if (!store) throw new InstanceChangeError(`the store of '${name}' is not open`);
    return store;
  }

  /** The history of a store that exists, whether an instance uses it or not. */
  async historyOf(name: StoreName): Promise<OciStore> {
    if (!this.#stores.has(name) && !this.#options.stores.list().includes(name)) {
      throw new InstanceChangeError(`there is no store '${name}'`);
    }
    return this.#turn.run(() => this.#openStore(name));
  }

  /** Runs what removes blobs, or must have none removed: one at a time. `signal` ends the wait for that. */
  withRemovals<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return this.#removals.run(work, signal);
  }

  async create(actor: Identity, config: InstanceConfig): Promise<void> {
    await this.#change(actor, `create the registry ${config.name}`, (configs) => [...configs, config]);
  }

  /** `undefined` for what a registry need not have takes it away. */
  async set(actor: Identity, name: InstanceName, settings: Partial<InstanceValues>): Promise<void> {
    await this.#edit(actor, name, `set ${wordsOf(settings)} of the registry ${name}`, (config) => ({
      ...config,
      ...settings,
    }));
  }

  /** Like `set`, but hosts are added to those that it has. */
  async extend(actor: Identity, name: InstanceName, settings: Partial<InstanceValues>): Promise<void> {
    await this.#edit(actor, name, `set ${wordsOf(settings)} of the registry ${name}`, (config) =>
      changedSettings(config, settings),
    );
  }

  async removeHost(actor: Identity, name: InstanceName, host: string): Promise<void> {
    await this.#edit(actor, name, `take the host ${host} from the registry ${name}`, (config) => {
      const { vhosts } = config;
      if (!vhosts.includes(host))
        throw new InstanceChangeError(
          `'${host}' is no host of '${name}'; it has ${vhosts.join(", ") || "none"}`,
        );
      return { ...config, vhosts: vhosts.filter((vhost) => vhost !== host) };
    });
  }

  /** Takes over what stock git has committed. A file that makes no sense is refused, and the old registries go on. */
  async reload(): Promise<void> {
    await this.#turn.run(async () => {
      await this.#options.system.follow();
      const bytes = await this.#options.system.read(CONFIG_PATH);
      if (!bytes) return;
      try {
        const configs = parseInstances(bytes);
        for (const config of configs) await this.#openView(config);
        await this.#apply(configs);
      } catch (error) {
        if (!(error instanceof InvalidInstancesError)) throw error;
        throw new InstanceChangeError(`${CONFIG_PATH} in the store ${SYSTEM_STORE}: ${error.message}`);
      }
    });
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
    this.#table.replace([]);
    await this.#turn.run(() => this.#closeUnusedStores());
  }

  #edit(
    actor: Identity,
    name: InstanceName,
    message: string,
    edit: (config: InstanceConfig) => InstanceConfig,
  ): Promise<void> {
    return this.#change(actor, message, (configs) => {
      const config = existing(configs, name);
      return configs.map((other) => (other === config ? edit(config) : other));
    });
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
    const opened: (ServedInstance & { readonly view: OciView })[] = [];
    for (const config of configs) opened.push({ config, ...(await this.#openView(config)) });
    this.#locations = new Map(opened.map(({ config, location }) => [config.name, location]));
    this.#table.replace(opened);
    this.#changes++;
    this.#threads.changed();
    this.#releaseUnused().catch((error) => this.#options.log.error("a store could not be closed", error));
  }

  /** Lets requests under way finish, however long an upload takes, and then lets go of what nobody uses. */
  async #releaseUnused(): Promise<void> {
    if (this.#releasing) return;
    this.#releasing = true;
    try {
      for (let isReleased = false; !isReleased; ) {
        const seen = this.#changes;
        await Promise.all([this.#table.settled(), this.#threads.settled()]);
        await this.#turn.run(async () => {
          isReleased = seen === this.#changes;
          if (isReleased) await this.#closeUnusedStores();
        });
      }
    } finally {
      this.#releasing = false;
    }
  }

  async #closeUnusedStores(): Promise<void> {
    const configs = this.list();
    const used = new Set(configs.map(({ store }) => store));
    const frozen = new Set(configs.flatMap(({ at }) => at ?? []));
    for (const [name, store] of this.#stores) {
      if (used.has(name)) {
        store.dropFrozenExcept(frozen);
        continue;
      }
      this.#stores.delete(name);
      await store.close();
    }
  }

  async #openView({
    store,
    at,
  }: InstanceConfig): Promise<{ readonly view: OciView; readonly location: ViewLocation }> {
    const oci = await this.#openStore(store);
    return at ? oci.frozenAt(at) : { view: oci, location: oci.location };
  }

  /** Instances may share a store. */
  async #openStore(name: StoreName): Promise<OciStore> {
    const open =
      this.#stores.get(name) ?? (await OciStore.open(this.#options.stores, name, this.#options.quotas));
    this.#stores.set(name, open);
    return open;
  }
}

function wordsOf(settings: Partial<InstanceValues>): string {
  const given = ALL_SETTINGS.filter(({ property }) => Object.hasOwn(settings, property));
  return given.map(({ word }) => word).join(", ");
}

function existing(configs: readonly InstanceConfig[], name: InstanceName): InstanceConfig {
  const config = configs.find((candidate) => candidate.name === name);
  if (!config) throw new InstanceChangeError(`no registry '${name}'`);
  return config;
}
