import { Semaphore } from "../../../primitives/bounds/semaphore.ts";
import type { Logger } from "../../../primitives/logging/logger.ts";
import type { StoreManager, StoreName } from "../../../primitives/store/store-manager.ts";
import type { UserDirectory } from "../../../primitives/users/user-directory.ts";
import type { Quotas } from "../policy/quotas.ts";
import type { InstanceConfig, InstanceName } from "../settings/instance-config.ts";
import { OpenStores } from "../store/open-stores.ts";
import type { ViewLocation } from "../store/view-location.ts";
import { InstanceTable } from "./instance-table.ts";
import { newOutage, type OpenedInstance, type Outage, openInstances } from "./opened-instances.ts";

const MAX_WAITING_CHANGES = 100;
const RETRY_MS = 2000;

export interface RunningInstancesOptions {
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

/** Other threads that serve the instances. */
export interface ServingThreads {
  /** Called before a change is acknowledged: it holds for every request that comes after. */
  changed(): void;
  /** Resolves once no thread answers a request by a configuration that was replaced before. */
  settled(): Promise<void>;
}

const NO_OTHER_THREADS: ServingThreads = { changed: () => undefined, settled: async () => undefined };

/** The instances that are served, with their open stores: what is under way finishes as it began. */
export class RunningInstances {
  /** One change at a time, each based on the one before. */
  readonly turn = new Semaphore(1, MAX_WAITING_CHANGES);
  readonly stores: OpenStores;
  readonly #options: RunningInstancesOptions;
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
    this.stores = new OpenStores(options.stores, options.quotas, (name) => this.#openAgain(name));
    this.#table = new InstanceTable(options.users);
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
  get outages(): ReadonlyMap<InstanceName, Outage> {
    return this.#outages;
  }

  /** An outage that `opened` would add. */
  newOutage(opened: readonly OpenedInstance[]): Outage | undefined {
    return newOutage(opened, this.#outages);
  }

  /** Opens what is not open yet. Those of `outages` are not tried again. */
  open(configs: readonly InstanceConfig[], outages = this.#outages): Promise<OpenedInstance[]> {
    return openInstances(configs, { stores: this.stores, outages, log: this.#options.log });
  }

  /** Serves these from now on, and lets go of what only the ones before needed. */
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
    this.#threads.changed();
    this.release();
  }

  /** For when no request is under way any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    this.#table.replace([]);
    await this.turn.run(() => this.stores.closeUnused(this.list()));
  }

  /** After what a store is served from was replaced. */
  #openAgain(name: StoreName): void {
    this.turn
      .run(async () => this.apply(await this.open(this.list())))
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

  /** What is served, to compare with what was. */
  describe(): ReadonlyMap<string, unknown> {
    return new Map(
      this.list().map((config) => [config.name, { config, isOut: this.#outages.has(config.name) }]),
    );
  }

  /** For what was opened and is not served. */
  release(): void {
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
