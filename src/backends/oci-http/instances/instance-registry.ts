import { Semaphore } from "../../../primitives/bounds/semaphore.ts";
import { ExpectedError } from "../../../primitives/expected-error.ts";
import type { Logger } from "../../../primitives/logging/logger.ts";
import { describeChanges, type Reloadable, type TakeOver } from "../../../primitives/reload.ts";
import { KnownFiles } from "../../../primitives/store/commits/known-files.ts";
import type { Snapshot } from "../../../primitives/store/commits/snapshot.ts";
import type { Store } from "../../../primitives/store/commits/store.ts";
import type { Identity } from "../../../primitives/store/git/commit.ts";
import type { StoreManager, StoreName } from "../../../primitives/store/store-manager.ts";
import type { UserDirectory } from "../../../primitives/users/user-directory.ts";
import type { Quotas } from "../policy/quotas.ts";
import {
  checkTogether,
  encodeInstances,
  INSTANCES_PATH,
  type InstanceConfig,
  type InstanceName,
  InvalidInstancesError,
  parseInstances,
  SYSTEM_STORE,
} from "../settings/instance-config.ts";
import { ALL_SETTINGS, changedSettings, type InstanceValues } from "../settings/instance-settings.ts";
import type { OciStore } from "../store/oci-store.ts";
import { OpenStores, openingProblem } from "../store/open-stores.ts";
import type { ViewLocation } from "../store/view-location.ts";
import { InstanceTable } from "./instance-table.ts";
import { newOutage, type OpenedInstance, type Outage, openInstances } from "./opened-instances.ts";

/** A change of instances that can't be made, in words for who asked for it. */
export class InstanceChangeError extends ExpectedError {
  override readonly name = "InstanceChangeError";
}

const MAX_WAITING_CHANGES = 100;
const RETRY_MS = 2000;

export interface InstanceRegistryOptions {
  readonly system: Store;
  readonly stores: StoreManager;
  readonly users: () => UserDirectory;
  /** For instances that have none of their own. */
  readonly quotas?: Quotas;
  readonly log: Logger;
  /** Pause (ms) before stores are opened again that a trouble of the disk has kept from it. */
  readonly retryMs?: number;
}

/** What another thread needs to know of an instance to serve it. */
export interface ServedInstance {
  readonly config: InstanceConfig;
  /** `undefined` while it is out of service. */
  readonly location: ViewLocation | undefined;
}

/** Adds what the command line says to what is stored, `undefined` before anything is. */
export type CompleteInstances = (stored: readonly InstanceConfig[] | undefined) => readonly InstanceConfig[];

/** Other threads that serve the instances. */
export interface ServingThreads {
  /** Called before a change is acknowledged: it holds for every request that comes after. */
  changed(): void;
  /** Resolves once no thread answers a request by a configuration that was replaced before. */
  settled(): Promise<void>;
}

const NONE: ReadonlyMap<InstanceName, Outage> = new Map();
const NO_OTHER_THREADS: ServingThreads = { changed: () => undefined, settled: async () => undefined };

/** The running registries. A change is a commit, and holds for the next request; those under way finish as they began. */
export class InstanceRegistry implements Reloadable {
  readonly #options: InstanceRegistryOptions;
  readonly #complete: CompleteInstances;
  /** One change at a time, each made of what the one before left. */
  readonly #turn = new Semaphore(1, MAX_WAITING_CHANGES);
  readonly #removals = new Semaphore(1, MAX_WAITING_CHANGES);
  readonly #files: KnownFiles;
  readonly #stores: OpenStores;
  readonly #table: InstanceTable;
  #threads = NO_OTHER_THREADS;
  #locations: ReadonlyMap<InstanceName, ViewLocation> = new Map();
  #outages: ReadonlyMap<InstanceName, Outage> = new Map();
  #changes = 0;
  #releasing = false;
  #retry: Timer | undefined;
  #isClosed = false;

  private constructor(options: InstanceRegistryOptions, complete: CompleteInstances) {
    this.#options = options;
    this.#complete = complete;
    this.#files = new KnownFiles(options.system, options.system.head());
    this.#stores = new OpenStores(options.stores, options.quotas, (name) => this.#openAgain(name));
    this.#table = new InstanceTable(options.users);
  }

  /**
   * Opens the configured instances; one whose store can't be opened is out of service, and reported. Throws
   * `InstanceChangeError` where the configuration makes no sense.
   */
  static async open(
    options: InstanceRegistryOptions,
    complete: CompleteInstances,
  ): Promise<InstanceRegistry> {
    const registry = new InstanceRegistry(options, complete);
    try {
      const opened = await registry.#openAll(await registry.#read(options.system.head()), NONE);
      registry.#apply(opened);
    } catch (error) {
      await registry.close();
      throw error;
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
    return this.list().map((config) => ({ config, location: this.#locations.get(config.name) }));
  }

  /** The registries that are out of service. */
  outages(): readonly Outage[] {
    return [...this.#outages.values()];
  }

  /** The stores that are open. */
  stores(): readonly OciStore[] {
    return this.#stores.list();
  }

  /** An open store by its name. */
  openStore(name: StoreName): OciStore | undefined {
    return this.#stores.get(name);
  }

  /** What an instance stores. Throws `InstanceChangeError` if there is no such instance, or it is out of service. */
  storeOf(name: InstanceName): OciStore {
    const config = this.existing(name);
    const outage = this.#outages.get(name);
    if (outage) throw new InstanceChangeError(`the registry '${name}' is out of service: ${outage.problem}`);
    const store = this.#stores.get(config.store);
    if (!store) throw new InstanceChangeError(`the store of '${name}' is not open`);
    return store;
  }

  /** The history of a store that exists, whether an instance uses it or not. */
  async historyOf(name: StoreName): Promise<OciStore> {
    if (!(await this.#stores.exists(name))) throw new InstanceChangeError(`there is no store '${name}'`);
    return this.#turn.run(async () => {
      try {
        return await this.#stores.open(name);
      } catch (error) {
        throw new InstanceChangeError(openingProblem(name, error));
      }
    });
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

  /**
   * Reads what stock git has committed and opens what is new in it. What the command line says holds as at the start. A
   * file that makes no sense, or names what can't be opened, is refused, and the old registries go on.
   */
  prepareReload<T>(then: (takeOver: TakeOver) => Promise<T>): Promise<T> {
    return this.#turn.run(async () => {
      const { system } = this.#options;
      await system.follow();
      const read = system.head();
      try {
        const opened = await this.#openAll(await this.#read(read), NONE);
        this.#refuseNewOutages(opened);
        return await then(() => {
          const before = this.#describe();
          this.#files.replace(read);
          this.#apply(opened);
          return describeDifference(before, this.#describe(), this.outages());
        });
      } catch (error) {
        this.#release();
        throw error;
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
    this.#isClosed = true;
    clearTimeout(this.#retry);
    this.#table.replace([]);
    await this.#turn.run(() => this.#stores.closeUnused(this.list()));
  }

  async #read(snapshot: Snapshot): Promise<readonly InstanceConfig[]> {
    const bytes = await snapshot.read(INSTANCES_PATH);
    try {
      const configs = this.#complete(bytes && parseInstances(bytes));
      checkTogether(configs);
      return configs;
    } catch (error) {
      if (!(error instanceof InvalidInstancesError)) throw error;
      throw new InstanceChangeError(`${INSTANCES_PATH} in the store ${SYSTEM_STORE}: ${error.message}`);
    }
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
      try {
        // Opened first: what can't be opened must not become part of the configuration.
        const opened = await this.#openAll(configs);
        this.#refuseNewOutages(opened);
        const change = { path: INSTANCES_PATH, content: encodeInstances(configs) };
        await this.#files.commit([change], { author: actor, message });
        this.#apply(opened);
      } catch (error) {
        this.#release();
        throw error;
      }
    });
  }

  /** Those of `outages` are not tried again. */
  #openAll(configs: readonly InstanceConfig[], outages = this.#outages): Promise<OpenedInstance[]> {
    return openInstances(configs, { stores: this.#stores, outages, log: this.#options.log });
  }

  #refuseNewOutages(opened: readonly OpenedInstance[]): void {
    const outage = newOutage(opened, this.#outages);
    if (outage) throw new InstanceChangeError(`the registry '${outage.config.name}': ${outage.problem}`);
  }

  #apply(opened: readonly OpenedInstance[]): void {
    const located = opened.flatMap(({ config, location }) =>
      location ? [[config.name, location] as const] : [],
    );
    const outages = opened.flatMap(({ outage }) => outage ?? []);
    for (const { config, problem } of outages) {
      if (this.#outages.get(config.name)?.problem !== problem)
        this.#options.log.error(`the registry '${config.name}' is out of service`, problem);
    }
    const before = this.#outages;
    this.#locations = new Map(located);
    this.#outages = new Map(outages.map((outage) => [outage.config.name, outage]));
    for (const { config } of opened) {
      if (before.has(config.name) && !this.#outages.has(config.name))
        this.#options.log.info(`the registry '${config.name}' is in service again`);
    }
    this.#retryOutages();
    this.#table.replace(opened.map(({ config, view }) => ({ config, view })));
    this.#threads.changed();
    this.#release();
  }

  /** After what a store is served from was replaced. */
  #openAgain(name: StoreName): void {
    this.#turn
      .run(async () => this.#apply(await this.#openAll(this.list())))
      .catch((error) =>
        this.#options.log.error(`what the store '${name}' serves could not be opened again`, error),
      );
  }

  /** Soon, where the trouble may have passed by then. */
  #retryOutages(): void {
    clearTimeout(this.#retry);
    const lasting = [...this.#outages].filter(([, { mayPass }]) => !mayPass);
    if (this.#isClosed || lasting.length === this.#outages.size) return;
    this.#retry = setTimeout(() => {
      this.#turn
        .run(async () => {
          if (this.#isClosed) return;
          const opened = await this.#openAll(this.list(), new Map(lasting));
          if (opened.some(({ config, outage }) => !outage && this.#outages.has(config.name)))
            this.#apply(opened);
          else this.#retryOutages();
        })
        .catch((error) => {
          if (!this.#stores.isGivenUp)
            this.#options.log.error("registries out of service could not be opened", error);
        });
    }, this.#options.retryMs ?? RETRY_MS).unref();
  }

  #describe(): ReadonlyMap<string, unknown> {
    return new Map(
      this.list().map((config) => [config.name, { config, isOut: this.#outages.has(config.name) }]),
    );
  }

  #release(): void {
    this.#changes++;
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
          if (isReleased) await this.#stores.closeUnused(this.list());
        });
      }
    } finally {
      this.#releasing = false;
    }
  }
}

function describeDifference(
  before: ReadonlyMap<string, unknown>,
  after: ReadonlyMap<string, unknown>,
  outages: readonly Outage[],
): string | undefined {
  const out = outages.map(({ config, problem }) => `${config.name} is out of service: ${problem}`);
  const parts = [describeChanges("registries", before, after), ...out];
  return parts.filter((part) => part !== undefined).join("; ") || undefined;
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
