import { failureOf, reportFailure } from "../../../primitives/errors/failure.ts";
import { orAborted } from "../../../primitives/jobs/or-aborted.ts";
import type { Logger } from "../../../primitives/logging/logger.ts";
import { type Lease, type Leases, parseLeaseName } from "../../../primitives/store/engine/leases.ts";
import type { StoreName } from "../../../primitives/store/store-manager.ts";
import type { InstanceRegistry } from "../instances/instance-registry.ts";
import type { InstanceConfig, InstanceName } from "../settings/instance-config.ts";
import type { Divergence } from "./divergence.ts";
import type { PrimaryClient } from "./primary-client.ts";
import { ReplicaFollower } from "./replica-follower.ts";
import { ReplicaProgress, type ReplicaStatus } from "./replica-status.ts";

export interface ReplicasOptions {
  readonly instances: Pick<InstanceRegistry, "list" | "storeOf" | "changes">;
  readonly primaryOf: (config: FollowingConfig) => PrimaryClient;
  /** Lets one node follow; `undefined` where no other node uses the storage. */
  readonly sharing: { readonly leases: Leases; readonly node: string } | undefined;
  readonly log: Logger;
  /** Pause before what ended is begun again (ms). */
  readonly againMs?: number;
  readonly follower?: Pick<
    ConstructorParameters<typeof ReplicaFollower>[0],
    "waitSeconds" | "pausesMs" | "divergedPauseMs"
  >;
}

export type FollowingConfig = InstanceConfig & { readonly upstream: string };

/** A replica of this server. */
export interface ReplicaRecord extends ReplicaStatus {
  readonly registry: InstanceName;
  /** The URL of the primary. */
  readonly primary: string;
}

interface Running {
  readonly config: FollowingConfig;
  readonly progress: ReplicaProgress;
  readonly stop: AbortController;
  follower: ReplicaFollower | undefined;
  ended: Promise<void>;
}

const AGAIN_MS = 2000;

/** Follows the primaries of all replicas of this server, as its settings name them. */
export class Replicas {
  readonly #options: ReplicasOptions;
  readonly #running = new Map<InstanceName, Running>();
  /** Ends of what was followed before. */
  readonly #ending = new Map<InstanceName, Promise<void>>();
  readonly #unwatch: () => void;
  #isClosed = false;

  constructor(options: ReplicasOptions) {
    this.#options = options;
    this.#unwatch = options.instances.changes.add(() => this.#reconcile());
    this.#reconcile();
  }

  list(): readonly ReplicaRecord[] {
    return [...this.#running.values()].map(({ config, progress }) => ({
      registry: config.name,
      primary: config.upstream,
      ...progress.status,
    }));
  }

  divergenceOf(name: InstanceName): Divergence | undefined {
    return this.#running.get(name)?.follower?.divergence;
  }

  /** See `ReplicaFollower.giveUp`. */
  giveUp(name: InstanceName, { ours }: Divergence): void {
    this.#running.get(name)?.follower?.giveUp(ours);
  }

  /** Resolves when nothing follows any more what this registry followed before its settings changed. */
  async settled(name: InstanceName): Promise<void> {
    await this.#ending.get(name);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#unwatch();
    for (const running of this.#running.values()) running.stop.abort(new Error("the server stops"));
    await Promise.all([...this.#running.values()].map(({ ended }) => ended));
    await Promise.all(this.#ending.values());
  }

  #reconcile(): void {
    if (this.#isClosed) return;
    const wanted = new Map(this.#options.instances.list().flatMap((config) => followed(config)));
    for (const [name, running] of this.#running) {
      const config = wanted.get(name);
      if (config && isSame(config, running.config)) continue;
      running.stop.abort(new Error("the settings have changed"));
      this.#running.delete(name);
      this.#ending.set(name, running.ended);
    }
    for (const [name, config] of wanted) if (!this.#running.has(name)) this.#begin(config);
  }

  #begin(config: FollowingConfig): void {
    const progress = new ReplicaProgress();
    const running: Running = {
      ...{ config, progress },
      stop: new AbortController(),
      follower: undefined,
      ended: Promise.resolve(),
    };
    this.#running.set(config.name, running);
    running.ended = this.#follow(running, this.#ending.get(config.name));
  }

  async #follow(running: Running, before: Promise<void> | undefined): Promise<void> {
    const { log, againMs = AGAIN_MS } = this.#options;
    const { config, progress } = running;
    const { signal } = running.stop;
    await before;
    while (!signal.aborted) {
      try {
        await this.#withLease(config.store, progress, signal, (held) => this.#run(running, held));
      } catch (error) {
        if (signal.aborted) return;
        const { words } = failureOf(error);
        if (progress.trouble !== words)
          reportFailure(log, `the replica '${config.name}' can't follow`, error);
        progress.trouble = words;
      }
      await orAborted(Bun.sleep(againMs), signal);
    }
  }

  async #run(running: Running, signal: AbortSignal): Promise<void> {
    const { instances, primaryOf, log, follower = {} } = this.#options;
    const { config, progress } = running;
    const oci = instances.storeOf(config.name);
    await oci.inUse(async (closing) => {
      const primary = primaryOf(config);
      const options = { name: config.name, oci, primary, log, progress, ...follower };
      running.follower = new ReplicaFollower(options);
      try {
        await running.follower.run(AbortSignal.any([signal, closing]));
      } finally {
        running.follower = undefined;
        primary.close();
      }
    });
  }

  /** Works while this node is the one that follows. */
  async #withLease(
    store: StoreName,
    progress: ReplicaProgress,
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const { sharing } = this.#options;
    if (!sharing) return work(signal);
    const name = parseLeaseName(
      `replica-${new Bun.CryptoHasher("sha256").update(store).digest("hex").slice(0, 32)}`,
    );
    if (name === undefined) throw new Error("a hash can't be the name of a lease");
    const outcome = await sharing.leases.acquire(name, sharing.node);
    if (outcome.kind === "held") {
      progress.state = { kind: "elsewhere", by: outcome.by };
      progress.trouble = undefined;
      return;
    }
    const lease: Lease = outcome.lease;
    progress.state = { kind: "starting" };
    try {
      await work(AbortSignal.any([signal, lease.lost]));
    } finally {
      await lease.release();
    }
  }
}

function followed(config: InstanceConfig): readonly (readonly [InstanceName, FollowingConfig])[] {
  const { name, follow, upstream, at } = config;
  return follow !== undefined && upstream !== undefined && at === undefined
    ? [[name, { ...config, upstream }]]
    : [];
}

/** Whether the same is followed in the same way. */
function isSame(one: FollowingConfig, other: FollowingConfig): boolean {
  const of = ({
    store,
    upstream,
    upstreamStore,
    upstreamCa,
    upstreamRealm,
    upstreamPrivate,
  }: FollowingConfig) => ({
    ...{ store, upstream, upstreamStore, upstreamCa, upstreamRealm, upstreamPrivate },
  });
  return Bun.deepEquals(of(one), of(other));
}
