import { Semaphore } from "../../../primitives/bounds/semaphore.ts";
import type { Reloadable, TakeOver } from "../../../primitives/reload.ts";
import { KnownFiles } from "../../../primitives/store/commits/known-files.ts";
import type { MoveListeners } from "../../../primitives/store/commits/move-listeners.ts";
import type { Store } from "../../../primitives/store/commits/store.ts";
import type { Identity } from "../../../primitives/store/git/commit.ts";
import type { StoreName } from "../../../primitives/store/store-manager.ts";
import type { Mirrors } from "../mirror/mirrors.ts";
import {
  checkTogether,
  encodeInstances,
  INSTANCES_PATH,
  type InstanceConfig,
  type InstanceName,
  InvalidInstancesError,
  withRegistry,
} from "../settings/instance-config.ts";
import { changedSettings, type InstanceValues } from "../settings/instance-settings.ts";
import type { OciStore } from "../store/oci-store.ts";
import { openingProblem } from "../store/open-stores.ts";
import type { StoredCredentials } from "../upstreams/stored-credentials.ts";
import { describeDifference, wordsOf } from "./describe-instances.ts";
import { existing, InstanceChangeError } from "./existing-instance.ts";
import type { InstanceTable } from "./instance-table.ts";
import type { OpenedInstance, Outage } from "./opened-instances.ts";
import { withOtherUpstream } from "./other-upstream.ts";
import { OutOfServiceError } from "./out-of-service.ts";
import { type CompleteInstances, readInstances } from "./read-instances.ts";
import {
  RunningInstances,
  type RunningInstancesOptions,
  type ServedInstance,
  type ServingThreads,
} from "./running-instances.ts";

export { InstanceChangeError } from "./existing-instance.ts";

const UNUSABLE = { kind: "unusable" } as const;
const MAX_WAITING_REMOVALS = 100;
const NONE: ReadonlyMap<InstanceName, Outage> = new Map();

export interface InstanceRegistryOptions extends RunningInstancesOptions {
  readonly system: Store;
  /** Of upstreams. Without them, none can be given. */
  readonly credentials?: StoredCredentials;
}

/** The running registries. A change is a commit and applies to the next request; running requests keep the old settings. */
export class InstanceRegistry implements Reloadable {
  readonly #system: Store;
  readonly #complete: CompleteInstances;
  readonly #files: KnownFiles;
  readonly #running: RunningInstances;
  readonly credentials: StoredCredentials | undefined;
  readonly #removals = new Semaphore(1, MAX_WAITING_REMOVALS);

  private constructor(options: InstanceRegistryOptions, complete: CompleteInstances) {
    this.#system = options.system;
    this.#complete = complete;
    this.#files = new KnownFiles(options.system, options.system.head());
    this.#running = new RunningInstances(options);
    this.credentials = options.credentials;
  }

  /**
   * Opens the configured instances; one whose store can't be opened is put out of service and logged. Rejects with
   * `InstanceChangeError` if the configuration is invalid.
   */
  static async open(
    options: InstanceRegistryOptions,
    complete: CompleteInstances,
  ): Promise<InstanceRegistry> {
    const registry = new InstanceRegistry(options, complete);
    try {
      const opened = await registry.#running.open(await readInstances(options.system.head(), complete), NONE);
      registry.#running.apply(opened);
    } catch (error) {
      await registry.close();
      throw error;
    }
    return registry;
  }

  /** Fetches what registries with an upstream lack. */
  get mirrors(): Mirrors {
    return this.#running.mirrors;
  }

  list(): readonly InstanceConfig[] {
    return this.#running.list();
  }

  hosts(): InstanceTable["hosts"] {
    return this.#running.hosts();
  }

  get changes(): MoveListeners {
    return this.#running.changes;
  }

  namespaces(): InstanceTable["namespaces"] {
    return this.#running.namespaces();
  }

  serveWith(threads: ServingThreads): void {
    this.#running.serveWith(threads);
  }

  served(): ServedInstance[] {
    return this.#running.served();
  }

  outages(): readonly Outage[] {
    return [...this.#running.outages.values()];
  }

  stores(): readonly OciStore[] {
    return this.#running.stores.list();
  }

  openStore(name: StoreName): OciStore | undefined {
    return this.#running.stores.get(name);
  }

  /** The store of an instance. Throws `InstanceChangeError` if the instance does not exist, `OutOfServiceError` while it is out of service. */
  storeOf(name: InstanceName): OciStore {
    const config = this.existing(name);
    const outage = this.#running.outages.get(name);
    if (outage) throw new OutOfServiceError(name, outage.problem);
    const store = this.#running.stores.get(config.store);
    if (!store) throw new InstanceChangeError(`the store of '${name}' is not open`, UNUSABLE);
    return store;
  }

  /** Opens an existing store to read its history, whether an instance uses it or not. */
  async historyOf(name: StoreName): Promise<OciStore> {
    if (!(await this.#running.stores.exists(name)))
      throw new InstanceChangeError(`there is no store '${name}'`, { kind: "not-found" });
    return this.#running.turn.run(async () => {
      try {
        return await this.#running.stores.open(name);
      } catch (error) {
        throw new InstanceChangeError(openingProblem(name, error), UNUSABLE);
      }
    });
  }

  /** Runs work that removes blobs, or that must not overlap with it, one at a time. `signal` ends the wait. */
  withRemovals<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return this.#removals.run(work, signal);
  }

  async create(actor: Identity, config: InstanceConfig): Promise<void> {
    await this.#change(actor, `create the registry ${config.name}`, (configs) =>
      withRegistry(configs, config),
    );
  }

  /** A setting with the value `undefined` is removed. Resolves with whether anything differs. */
  set(actor: Identity, name: InstanceName, settings: Partial<InstanceValues>): Promise<boolean> {
    return this.#edit(actor, name, `set ${wordsOf(settings)} of the registry ${name}`, (config) => ({
      ...config,
      ...settings,
    }));
  }

  /** Like `set`, but adds the hosts to the existing ones. */
  extend(actor: Identity, name: InstanceName, settings: Partial<InstanceValues>): Promise<boolean> {
    return this.#edit(actor, name, `set ${wordsOf(settings)} of the registry ${name}`, (config) =>
      changedSettings(config, settings),
    );
  }

  async removeHost(actor: Identity, name: InstanceName, host: string): Promise<void> {
    await this.#edit(actor, name, `take the host ${host} from the registry ${name}`, (config) => {
      const { vhosts } = config;
      if (!vhosts.includes(host))
        throw new InstanceChangeError(
          `'${host}' is no host of '${name}'; it has ${vhosts.join(", ") || "none"}`,
          { kind: "not-found" },
        );
      return { ...config, vhosts: vhosts.filter((vhost) => vhost !== host) };
    });
  }

  /**
   * Reads the configuration that stock git committed and opens new stores. The command line's settings apply as at the start.
   * If the file is invalid or names a store that can't be opened, it rejects, and the old registries keep serving.
   */
  prepareReload<T>(then: (takeOver: TakeOver) => Promise<T>): Promise<T> {
    return this.#running.turn.run(async () => {
      const system = this.#system;
      await system.follow();
      const read = system.head();
      try {
        const opened = await this.#running.open(await readInstances(read, this.#complete), NONE);
        this.#refuseNewOutages(opened);
        return await then(() => {
          const before = this.#running.describe();
          this.#files.replace(read);
          this.#running.apply(opened);
          return describeDifference(before, this.#running.describe(), this.outages());
        });
      } catch (error) {
        this.#running.release();
        throw error;
      }
    });
  }

  /** Replaces all registries in one commit. Resolves with whether anything differs. */
  rewrite(
    actor: Identity,
    message: string,
    edit: (configs: readonly InstanceConfig[]) => readonly InstanceConfig[],
  ): Promise<boolean> {
    return this.#change(actor, message, edit);
  }

  /** Deletes a registry; its store is kept. */
  async delete(actor: Identity, name: InstanceName): Promise<void> {
    await this.#change(actor, `delete the registry ${name}`, (configs) => {
      const config = existing(configs, name);
      return configs.filter((other) => other !== config);
    });
  }

  /** Throws `InstanceChangeError` if the instance does not exist. */
  existing(name: InstanceName): InstanceConfig {
    return existing(this.list(), name);
  }

  /** Called when no request is running any more. */
  close(): Promise<void> {
    return this.#running.close();
  }

  #edit(
    actor: Identity,
    name: InstanceName,
    message: string,
    edit: (config: InstanceConfig) => InstanceConfig,
  ): Promise<boolean> {
    return this.#change(actor, message, (configs) => {
      const config = existing(configs, name);
      return configs.map((other) => (other === config ? edit(config) : other));
    });
  }

  async #change(
    actor: Identity,
    message: string,
    edit: (configs: readonly InstanceConfig[]) => readonly InstanceConfig[],
  ): Promise<boolean> {
    return this.#files.change(() =>
      this.#running.turn.run(async () => {
        const before = this.list();
        const configs = edit(before);
        if (Bun.deepEquals(configs, this.list())) return false;
        try {
          checkTogether(configs);
        } catch (error) {
          if (!(error instanceof InvalidInstancesError)) throw error;
          throw new InstanceChangeError(error.message, { kind: "conflict" });
        }
        try {
          // Opened first: a store that can't be opened must not become part of the configuration.
          const opened = await this.#running.open(configs);
          this.#refuseNewOutages(opened);
          const change = { path: INSTANCES_PATH, content: encodeInstances(configs) };
          await this.#files.commit([change], { author: actor, message });
          this.#running.apply(opened);
          await this.credentials?.drop(withOtherUpstream(before, configs));
          return true;
        } catch (error) {
          this.#running.release();
          throw error;
        }
      }),
    );
  }

  #refuseNewOutages(opened: readonly OpenedInstance[]): void {
    const outage = this.#running.newOutage(opened);
    if (outage)
      throw new InstanceChangeError(`the registry '${outage.config.name}': ${outage.problem}`, UNUSABLE);
  }
}
