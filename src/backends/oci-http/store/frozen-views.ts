import { assertReadable } from "../../../primitives/sqlite/database-damage.ts";
import { removeDatabase } from "../../../primitives/sqlite/database-file.ts";
import type { Store } from "../../../primitives/store/commits/store.ts";
import { NO_LINKS } from "../../../primitives/store/engine/links.ts";
import { NO_COMMIT, type ObjectId } from "../../../primitives/store/git/object-id.ts";
import type { DerivedIndex } from "../../../primitives/store/index/derived-index.ts";
import { ScopeClock } from "../../../primitives/store/index/scope-clock.ts";
import { SnapshotContent } from "../content/committed-content.ts";
import type { Damage } from "../content/damage.ts";
import { OciIndexReader } from "../index/oci-index-reader.ts";
import { NO_PULLS } from "../pulls/pull-notes.ts";
import { type DatabaseContext, openIndex } from "./database-files.ts";
import { ReadCache } from "./read-cache.ts";
import { ReplacedIndexes } from "./store-databases.ts";
import type { StoreView } from "./store-view.ts";
import { nextViewId, type ViewLocation } from "./view-location.ts";

export interface FrozenView {
  readonly view: StoreView;
  readonly derived: DerivedIndex;
  readonly location: ViewLocation;
}

/** The parts of a store that its past states share. */
interface Served extends Omit<StoreView, "index" | "links" | "reads" | "committed" | "refresh" | "damaged"> {
  readonly store: Store;
  readonly location: ViewLocation;
  /** Replaces a damaged database of a view. */
  heal(viewId: number, damage: Damage): void;
}

/** The served past states of a store, each with its own index. */
export class FrozenViews {
  readonly #oci: Served;
  readonly #context: DatabaseContext;
  readonly #views = new Map<ObjectId, FrozenView>();
  readonly #replaced: ReplacedIndexes;

  constructor(oci: Served, context: DatabaseContext) {
    this.#oci = oci;
    this.#context = context;
    this.#replaced = new ReplacedIndexes(context);
  }

  /** Returns the view of the state at a commit; opens it if needed. */
  async at(commitId: ObjectId, signal: AbortSignal): Promise<FrozenView> {
    const path = `${this.#context.dir}/index-at-${commitId}.sqlite`;
    return this.#views.get(commitId) ?? (await this.#open(commitId, path, signal));
  }

  /** Finds a view by the id of its location. */
  find(viewId: number): FrozenView | undefined {
    return [...this.#views.values()].find(({ location }) => location.id === viewId);
  }

  of(commitId: ObjectId): FrozenView | undefined {
    return this.#views.get(commitId);
  }

  /** Without the empty state, which needs no content. */
  commits(): readonly ObjectId[] {
    return [...this.#views.keys()].filter((commit) => commit !== NO_COMMIT);
  }

  indexes(): readonly OciIndexReader[] {
    return [...this.#views.values()].map(({ view }) => view.index);
  }

  /** Replaces a damaged index; the state then has a new view id. */
  async replace({ location, derived }: FrozenView, damage: Damage, signal: AbortSignal): Promise<void> {
    const [commitId] = [...this.#views].find(([, known]) => known.location === location) ?? [];
    if (commitId === undefined) return;
    assertReadable(derived.path);
    await this.#open(commitId, this.#replaced.announce(derived.path, damage), signal);
    this.#replaced.add(derived);
  }

  /** Removes the indexes of states that no registry serves any more. */
  dropExcept(used: ReadonlySet<ObjectId>): void {
    for (const [commitId, { derived }] of this.#views) {
      if (used.has(commitId)) continue;
      this.#views.delete(commitId);
      derived.close();
      removeDatabase(derived.path);
    }
  }

  async close(): Promise<void> {
    this.#replaced.close();
    for (const { derived } of this.#views.values()) derived.close();
  }

  async #open(commitId: ObjectId, indexPath: string, signal: AbortSignal): Promise<FrozenView> {
    const clock = new ScopeClock();
    const derived = openIndex(indexPath, { ...this.#context, clock });
    const { store, blobs, recency, uploads, changes, quotas, missChecks, checks, feed } = this.#oci;
    try {
      await store.project(derived, commitId, signal);
    } catch (error) {
      derived.close();
      removeDatabase(indexPath);
      throw error;
    }
    const location = {
      ...this.#oci.location,
      id: nextViewId(),
      indexPath,
      clock: clock.memory,
      isFrozen: true,
    };
    const view: StoreView = {
      index: new OciIndexReader(derived.db),
      blobs,
      recency,
      checks,
      audit: (digest) => this.#oci.audit(digest),
      // Blobs uploaded now do not belong to a past state.
      links: NO_LINKS,
      uploads,
      pulls: NO_PULLS,
      reads: new ReadCache(clock),
      changes,
      quotas,
      committed: new SnapshotContent(() => store.at(commitId)),
      missChecks,
      feed,
      // A past state stays as it is.
      refresh: () => undefined,
      damaged: (damage) => this.#oci.heal(location.id, damage),
    };
    const frozen = { view, derived, location };
    this.#views.set(commitId, frozen);
    return frozen;
  }
}
