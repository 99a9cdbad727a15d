import { Semaphore } from "../../../primitives/bounds/semaphore.ts";
import type { Logger } from "../../../primitives/logging/logger.ts";
import { MoveListeners } from "../../../primitives/store/commits/move-listeners.ts";
import type { StoreManager, StoreName } from "../../../primitives/store/store-manager.ts";
import type { UserDirectory } from "../../../primitives/users/user-directory.ts";
import { Mirrors } from "../mirror/mirrors.ts";
import type { OpenUpstream } from "../mirror/upstreams.ts";
import type { Quotas } from "../policy/quotas.ts";
import type { InstanceConfig, InstanceName } from "../settings/instance-config.ts";
import { placesOf } from "../settings/upstream-places.ts";
import type { OciStore } from "../store/oci-store.ts";
import { OpenStores } from "../store/open-stores.ts";
import type { ViewLocation } from "../store/view-location.ts";
import { InstanceTable } from "./instance-table.ts";
import { newOutage, type OpenedInstance, type Outage, openInstances } from "./opened-instances.ts";

const MAX_WAITING_CHANGES = 100;
const RETRY_MS = 2000;

export interface RunningInstancesOptions {
  readonly stores: StoreManager;
  readonly users: () => UserDirectory;
  /** Defaults for instances without their own. */
  readonly quotas?: Quotas;
  /** Opens the clients of the registries that others mirror; without it, none is asked. */
  readonly openUpstream?: OpenUpstream;
  readonly log: Logger;
  /** Pause (ms) before the server retries to open stores after a disk problem. */
  readonly retryMs?: number;
}

/** The data with which another thread serves an instance. */
export interface ServedInstance {
  readonly config: InstanceConfig;
  /** `undefined` while the instance is out of service. */
  readonly location: ViewLocation | undefined;
}

/** Other threads that serve the instances. */
export interface ServingThreads {
  /** Called before a change is acknowledged: it applies to every later request. */
  changed(): void;
  /** Resolves when no thread handles a request with a configuration replaced before the call. */
  settled(): Promise<void>;
}

const NO_OTHER_THREADS: ServingThreads = { changed: () => undefined, settled: async () => undefined };

/** The served instances with their open stores; running requests finish with the old configuration. */
export class RunningInstances {
  /** Runs changes one at a time, each based on the one before. */
  readonly turn = new Semaphore(1, MAX_WAITING_CHANGES);
  readonly stores: OpenStores;
  /** Of what is served. */
  readonly changes = new MoveListeners();
  readonly #options: RunningInstancesOptions;
  readonly mirrors: Mirrors;
  readonly #table: InstanceTable;
  #threads = NO_OTHER_THREADS;
  #locations: ReadonlyMap<InstanceName, ViewLocation> = new Map();
  #outages: ReadonlyMap<InstanceName, Outage> = new Map();
  #changes = 0;
  #releasing = false;
  #retry: Timer | undefined;
  #isClosed = false;

  constructor(options: RunningInstancesOptions) {
    this.#options = options;
    this.stores = new OpenStores(options.stores, options.quotas, (name) => this.#reopen(name));
    const { openUpstream, log } = options;
    this.mirrors = new Mirrors({ find: (name) => this.#find(name), openUpstream, log });
    this.#table = new InstanceTable(options.users, this.mirrors);
  }

  list(): readonly InstanceConfig[] {
    return this.#table.list();
  }

  #find(name: InstanceName): { readonly config: InstanceConfig; readonly oci: OciStore } | undefined {
    const config = this.list().find((known) => known.name === name);
    const oci = config && !this.#outages.has(name) ? this.stores.get(config.store) : undefined;
    return config && oci && { config, oci };
  }

  /** The instance at each virtual host. */
  hosts(): InstanceTable["hosts"] {
    return this.#table.hosts;
  }

  /** The instances that the name of an upstream selects. */
  namespaces(): InstanceTable["namespaces"] {
    return this.#table.namespaces;
  }

  serveWith(threads: ServingThreads): void {
    this.#threads = threads;
  }

  served(): ServedInstance[] {
    return this.list().map((config) => ({ config, location: this.#locations.get(config.name) }));
  }

  /** The registries that are out of service. */
  get outages(): ReadonlyMap<InstanceName, Outage> {
    return this.#outages;
  }

  /** Returns an outage that `opened` would add. */
  newOutage(opened: readonly OpenedInstance[]): Outage | undefined {
    return newOutage(opened, this.#outages);
  }

  /** Opens the stores that are not open yet. Instances in `outages` are not retried. */
  open(configs: readonly InstanceConfig[], outages = this.#outages): Promise<OpenedInstance[]> {
    return openInstances(configs, { stores: this.stores, outages, log: this.#options.log });
  }

  /** Serves these instances from now on, and releases the stores that only the previous ones used. */
  apply(opened: readonly OpenedInstance[]): void {
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
    this.mirrors.keep(
      new Set(opened.flatMap(({ config }) => (placesOf(config).length > 0 ? [config.name] : []))),
    );
    this.#threads.changed();
    this.changes.tell();
    this.release();
  }

  /** Called when no request is running any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    this.#table.replace([]);
    await this.mirrors.stop();
    await this.turn.run(() => this.stores.closeUnused(this.list()));
  }

  /** Reopens the views after a database of a store was replaced. */
  #reopen(name: StoreName): void {
    this.turn
      .run(async () => this.apply(await this.open(this.list())))
      .catch((error) =>
        this.#options.log.error(`the views of the store '${name}' could not be reopened`, error),
      );
  }

  /** Schedules a retry of the outages that may be temporary. */
  #retryOutages(): void {
    clearTimeout(this.#retry);
    const lasting = [...this.#outages].filter(([, { mayPass }]) => !mayPass);
    if (this.#isClosed || lasting.length === this.#outages.size) return;
    this.#retry = setTimeout(() => {
      this.turn
        .run(async () => {
          if (this.#isClosed) return;
          const opened = await this.open(this.list(), new Map(lasting));
          if (opened.some(({ config, outage }) => !outage && this.#outages.has(config.name)))
            this.apply(opened);
          else this.#retryOutages();
        })
        .catch((error) => {
          if (!this.stores.isGivenUp)
            this.#options.log.error("registries out of service could not be opened", error);
        });
    }, this.#options.retryMs ?? RETRY_MS).unref();
  }

  /** The served configurations, to compare with earlier ones. */
  describe(): ReadonlyMap<string, unknown> {
    return new Map(
      this.list().map((config) => [config.name, { config, isOut: this.#outages.has(config.name) }]),
    );
  }

  /** Closes stores that were opened and are not served, once running requests have finished. */
  release(): void {
    this.#changes++;
    this.#releaseUnused().catch((error) => this.#options.log.error("a store could not be closed", error));
  }

  /** Waits for running requests, however long an upload takes, and then closes the unused stores. */
  async #releaseUnused(): Promise<void> {
    if (this.#releasing) return;
    this.#releasing = true;
    try {
      for (let isReleased = false; !isReleased; ) {
        const seen = this.#changes;
        await Promise.all([this.#table.settled(), this.#threads.settled()]);
        await this.turn.run(async () => {
          isReleased = seen === this.#changes;
          if (isReleased) await this.stores.closeUnused(this.list());
        });
      }
    } finally {
      this.#releasing = false;
    }
  }
}
