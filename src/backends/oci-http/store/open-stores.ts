import { failureOf } from "../../../primitives/errors/failure.ts";
import { DamagedStoreError } from "../../../primitives/store/commits/damaged-store.ts";
import type { StoreManager, StoreName } from "../../../primitives/store/store-manager.ts";
import type { Quotas } from "../policy/quotas.ts";
import type { InstanceConfig } from "../settings/instance-config.ts";
import { OciStore } from "./oci-store.ts";
import { clearSpool } from "./spool-folder.ts";
import type { StoreView } from "./store-view.ts";
import type { ViewLocation } from "./view-location.ts";

/** The view that an instance serves, and its location for other threads. */
export interface OpenView {
  readonly view: StoreView;
  readonly location: ViewLocation;
}

/** The open OCI stores; several instances may share one. */
export class OpenStores {
  readonly #manager: StoreManager;
  readonly #quotas: Quotas | undefined;
  readonly #relocated: (name: StoreName) => void;
  readonly #open = new Map<StoreName, OciStore>();

  /** `relocated` is called when the views of a store must be reopened. */
  constructor(manager: StoreManager, quotas: Quotas | undefined, relocated: (name: StoreName) => void) {
    this.#manager = manager;
    this.#quotas = quotas;
    this.#relocated = relocated;
  }

  list(): readonly OciStore[] {
    return [...this.#open.values()];
  }

  get(name: StoreName): OciStore | undefined {
    return this.#open.get(name);
  }

  /** Whether the store exists, open or not. */
  async exists(name: StoreName): Promise<boolean> {
    return this.#open.has(name) || (await this.#manager.list()).includes(name);
  }

  /** Whether opening was cancelled because the server stops. */
  get isGivenUp(): boolean {
    return this.#manager.signal?.aborted ?? false;
  }

  async open(name: StoreName): Promise<OciStore> {
    const options = { quotas: this.#quotas, relocated: () => this.#relocated(name) };
    const known = this.#open.get(name);
    if (known) return known;
    const opened = await OciStore.open(this.#manager, name, options);
    clearSpool(opened.directory);
    this.#open.set(name, opened);
    return opened;
  }

  async view({ store, at }: Pick<InstanceConfig, "store" | "at">): Promise<OpenView> {
    const oci = await this.open(store);
    return at ? oci.frozenAt(at) : { view: oci, location: oci.location };
  }

  /** Closes the stores that none of these instances uses. If one fails to close, the others still close; then it rejects. */
  async closeUnused(configs: readonly InstanceConfig[]): Promise<void> {
    const used = new Set(configs.map(({ store }) => store));
    const frozen = new Set(configs.flatMap(({ at }) => at ?? []));
    const failures: unknown[] = [];
    for (const [name, store] of this.#open) {
      if (used.has(name)) {
        store.dropFrozenExcept(frozen);
        continue;
      }
      this.#open.delete(name);
      await store.close().catch((error) => failures.push(error));
    }
    if (failures.length > 0) throw failures[0];
  }
}

/** Why a store can't be opened, in one line for the operator. */
export function openingProblem(store: StoreName, error: unknown): string {
  const { kind, words, detail } = failureOf(error);
  if (error instanceof DamagedStoreError) return detail;
  return `the store '${store}' can't be opened: ${kind === "bug" ? words : detail}`;
}
