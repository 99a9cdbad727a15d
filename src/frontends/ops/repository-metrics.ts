import type { InstanceRegistry } from "../../backends/oci-http/instances/instance-registry.ts";
import { quotasOf } from "../../backends/oci-http/store/instance-policy.ts";
import {
  bytesOf,
  measureRepositories,
  type RepositoryUsage,
} from "../../backends/oci-http/store/measure-repositories.ts";
import type { OciStore } from "../../backends/oci-http/store/oci-store.ts";
import { failureOf } from "../../primitives/errors/failure.ts";
import type { Logger } from "../../primitives/logging/logger.ts";
import { type MonotonicClock, monotonicMs } from "../../primitives/monotonic-clock.ts";
import { gauge, type Metric, type Sample } from "./metrics.ts";

/** Repositories of each store that have metrics of their own: the largest ones. */
const MAX_REPOSITORIES = 20;
/** A measurement is repeated after this time (ms), and after this many times the time that it took. */
const MAX_AGE_MS = 10 * 60 * 1000;
const REST_PER_WORK = 20;

interface Measured {
  readonly largest: readonly RepositoryUsage[];
  readonly nextMs: number;
}

/** Measures the repositories of each store in the background, when metrics are read, and at most every ten minutes. */
export class RepositoryMetrics {
  readonly #instances: Pick<InstanceRegistry, "list" | "stores">;
  readonly #log: Pick<Logger, "warn">;
  readonly #now: MonotonicClock;
  readonly #measured = new WeakMap<OciStore, Measured>();
  #measuring: Promise<void> | undefined;
  readonly #stopped = new AbortController();

  constructor(
    instances: Pick<InstanceRegistry, "list" | "stores">,
    log: Pick<Logger, "warn">,
    now: MonotonicClock = monotonicMs,
  ) {
    this.#instances = instances;
    this.#log = log;
    this.#now = now;
  }

  /** The newest measurements. The first call has none yet. */
  latest(): Metric[] {
    this.#measuring ??= this.#measure()
      .catch((error: unknown) => {
        // That the storage is away is said elsewhere.
        if (this.#stopped.signal.aborted || failureOf(error).kind === "unavailable") return;
        this.#log.warn(`the repositories could not be measured: ${error}`);
      })
      .finally(() => {
        this.#measuring = undefined;
      });
    return this.#metrics();
  }

  /** Resolves when no measurement runs. */
  async measured(): Promise<void> {
    await this.#measuring;
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#measuring;
  }

  async #measure(): Promise<void> {
    const { signal } = this.#stopped;
    for (const oci of this.#instances.stores()) {
      const began = this.#now();
      if (began < (this.#measured.get(oci)?.nextMs ?? Number.NEGATIVE_INFINITY)) continue;
      const repositories = await oci.inUse(() => measureRepositories(oci.blobs, oci.index, signal));
      const ended = this.#now();
      const nextMs = ended + Math.max(MAX_AGE_MS, REST_PER_WORK * (ended - began));
      this.#measured.set(oci, { largest: repositories.slice(0, MAX_REPOSITORIES), nextMs });
    }
  }

  #metrics(): Metric[] {
    const [bytes, quotas, registryQuotas]: [Sample[], Sample[], Sample[]] = [[], [], []];
    for (const oci of this.#instances.stores()) {
      const { store } = oci.location;
      const configs = this.#instances.list().filter((config) => config.store === store && !config.at);
      const limits = configs.map((config) => ({ config, quotas: quotasOf(oci, config) }));
      const [quota] = limits.flatMap((limit) => limit.quotas?.repository ?? []).toSorted((a, b) => a - b);
      for (const usage of this.#measured.get(oci)?.largest ?? []) {
        const labels = { store, repository: usage.repository };
        bytes.push({ labels, value: bytesOf(usage) });
        if (quota !== undefined) quotas.push({ labels, value: quota });
      }
      for (const { config, quotas: of } of limits) {
        if (of?.registry !== undefined)
          registryQuotas.push({ labels: { registry: config.name, store }, value: of.registry });
      }
    }
    return [
      gauge(
        "everlock_repository_bytes",
        "Bytes of the largest repositories of each store, shared ones too.",
        ...bytes,
      ),
      gauge(
        "everlock_repository_quota_bytes",
        "Quota of these repositories: the smallest of the registries that share the store.",
        ...quotas,
      ),
      gauge("everlock_registry_quota_bytes", "Quota of a registry.", ...registryQuotas),
    ];
  }
}
