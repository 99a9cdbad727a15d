import type { Digest } from "../../../primitives/digest.ts";
import { failureOf, reportFailure } from "../../../primitives/errors/failure.ts";
import type { Logger } from "../../../primitives/logging/logger.ts";
import { BlobAuditor } from "../../../primitives/store/blobs/blob-auditor.ts";
import { BlobChecks } from "../../../primitives/store/blobs/blob-checks.ts";
import { BlobRecency } from "../../../primitives/store/blobs/blob-recency.ts";
import { BlobSizeCounter } from "../../../primitives/store/blobs/blob-sizes.ts";
import { SessionCounts } from "../../../primitives/store/blobs/session-counts.ts";
import { LocalUploadLocks } from "../../../primitives/store/blobs/upload-locks.ts";
import type { Store } from "../../../primitives/store/commits/store.ts";
import type { BlobStore } from "../../../primitives/store/engine/blobs.ts";
import type { ContentStorage, StorageRoom } from "../../../primitives/store/engine/engine.ts";
import type { LinkStore } from "../../../primitives/store/engine/links.ts";
import type { ExpiryOptions, UploadStore } from "../../../primitives/store/engine/uploads.ts";
import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import type { ReplaceableIndex } from "../../../primitives/store/index/replaceable-index.ts";
import { ScopeClock } from "../../../primitives/store/index/scope-clock.ts";
import type { StoreManager, StoreName } from "../../../primitives/store/store-manager.ts";
import { type CommittedContent, MissChecks, SnapshotContent } from "../content/committed-content.ts";
import { type Damage, damageOf } from "../content/damage.ts";
import { type HistoryFeed, LocalHistoryFeed } from "../feed/history-feed.ts";
import type { HistoryIndex } from "../history/history-index.ts";
import type { OciIndexReader } from "../index/oci-index-reader.ts";
import { QuotaLedger, type Quotas } from "../policy/quotas.ts";
import { StorePulls } from "../pulls/store-pulls.ts";
import { Summaries } from "../summaries/summaries.ts";
import { describeNeed } from "./blob-need.ts";
import { type DatabaseContext, historyOf } from "./database-files.ts";
import { DatabaseHealing } from "./database-healing.ts";
import { type FrozenView, FrozenViews } from "./frozen-views.ts";
import { IndexAuditor } from "./index-auditor.ts";
import { ReadCache } from "./read-cache.ts";
import { LocalStoreChanges, type StoreChanges } from "./store-changes.ts";
import { StoreDatabases } from "./store-databases.ts";
import type { StoreView } from "./store-view.ts";
import { EXPIRY_EVERY_MS, expireUploads } from "./upload-expiry.ts";
import { nextViewId, type ViewLocation } from "./view-location.ts";

export interface OciStoreOptions {
  /** Defaults for instances without their own. */
  readonly quotas?: Quotas | undefined;
  /** Called when the serving threads must reopen the store's views. */
  readonly relocated?: () => void;
}

interface OpenParts extends Pick<StoreManager, "signal" | "room" | "location" | "copies"> {
  readonly locks: LocalUploadLocks;
  readonly sessions: SessionCounts;
}

/** One OCI store: versioned files and their index, blobs and their links, uploads. */
export class OciStore implements StoreView {
  readonly blobs: BlobStore;
  readonly uploads: UploadStore;
  readonly pulls: StorePulls;
  readonly reads: ReadCache;
  readonly changes: StoreChanges;
  readonly locks: LocalUploadLocks;
  readonly room: StorageRoom;
  /** The directory of this machine for what is derived of the store, or is only kept for a while. */
  readonly directory: string;
  readonly recency: BlobRecency;
  readonly checks = new BlobChecks();
  readonly history: HistoryIndex;
  readonly summaries: Summaries;
  readonly sizes: BlobSizeCounter;
  readonly quotaLedger: QuotaLedger;
  readonly quotas: Quotas;
  readonly committed: CommittedContent;
  readonly missChecks = new MissChecks();
  readonly feed: HistoryFeed;
  readonly #databases: StoreDatabases;
  readonly #frozen: FrozenViews;
  readonly #auditor: BlobAuditor;
  readonly #indexAuditor: IndexAuditor;
  readonly #log: Logger;
  readonly #closing = new AbortController();
  /** Aborted when the store closes, or when the server stops or its start is cancelled. */
  readonly #signal: AbortSignal;
  readonly #relocated: () => void;
  readonly #uses = new Set<Promise<unknown>>();
  #location: ViewLocation;
  readonly #expiry: Timer;
  readonly #healing: DatabaseHealing;

  private constructor(
    context: DatabaseContext,
    databases: StoreDatabases,
    { blobs, uploads }: ContentStorage,
    { quotas, relocated, signal, room, location, copies, locks, sessions }: OciStoreOptions & OpenParts,
  ) {
    const { dir, store, clock, log } = context;
    this.#databases = databases;
    this.#log = log;
    this.#relocated = relocated ?? (() => undefined);
    this.#signal = AbortSignal.any([this.#closing.signal, ...(signal ? [signal] : [])]);
    this.#healing = new DatabaseHealing(store, this.#signal, log);
    this.reads = new ReadCache(clock);
    this.blobs = blobs;
    this.locks = locks;
    this.room = room;
    this.directory = dir;
    this.uploads = uploads;
    this.#expiry = setInterval(() => this.#expireUploads(), EXPIRY_EVERY_MS).unref();
    this.changes = new LocalStoreChanges(this);
    this.recency = new BlobRecency();
    this.sizes = new BlobSizeCounter(blobs, (error) => {
      if (failureOf(error).kind !== "unavailable")
        log.error(`the blobs of the store '${store}' could not be counted`, error);
    });
    this.quotaLedger = new QuotaLedger(this, clock);
    this.quotas = quotas ?? {};
    this.committed = new SnapshotContent(() => databases.store.head());
    this.history = historyOf(context, databases.store, copies);
    this.summaries = new Summaries(`${dir}/summaries.sqlite`, this, (error) => {
      reportFailure(log, `the sizes of the store '${store}' could not be counted`, error);
    });
    this.feed = new LocalHistoryFeed(databases.store, this.history, this.#signal);
    this.pulls = new StorePulls(context);
    this.#frozen = new FrozenViews(this, context);
    databases.derived.onDamage = (error) => {
      const damage = damageOf(error);
      if (damage) this.damaged({ path: databases.indexPath, ...damage });
    };
    this.#auditor = new BlobAuditor(blobs, this.checks, (error) =>
      log.error(`a blob of the store '${store}' could not be hashed`, error),
    );
    this.#indexAuditor = new IndexAuditor(this, (error) =>
      log.error(`the index of the store '${store}' could not be looked through`, error),
    );
    this.#location = {
      id: nextViewId(),
      store,
      engine: location,
      indexPath: databases.indexPath,
      clock: clock.memory,
      recency: this.recency.memory,
      sessions: sessions.memory,
      checks: this.checks.memory,
      quotas: this.quotas,
      isFrozen: false,
    };
  }

  static async open(
    manager: StoreManager,
    name: StoreName,
    options: OciStoreOptions = {},
  ): Promise<OciStore> {
    const { log } = manager;
    const dir = await manager.create(name);
    const notes = manager.openNotes(name, "pulls");
    const context = { dir, store: name, clock: new ScopeClock(), log, notes };
    const databases = await StoreDatabases.open(context, manager);
    try {
      let oci: OciStore | undefined;
      const [locks, sessions] = [new LocalUploadLocks(), new SessionCounts()];
      const onDamage = (digest: Digest) => oci?.onDamage(digest);
      const content = await manager.openContent(name, { onDamage, locks, sessions, isOwner: true });
      const { signal, room, location, copies } = manager;
      const parts = { ...options, signal, room, location, copies, locks, sessions };
      oci = new OciStore(context, databases, content, parts);
      return oci;
    } catch (error) {
      await databases.store.close();
      await databases.close();
      throw error;
    }
  }

  get store(): Store {
    return this.#databases.store;
  }

  get index(): OciIndexReader {
    return this.#databases.index;
  }

  get links(): LinkStore {
    return this.#databases.links;
  }

  get location(): ViewLocation {
    return this.#location;
  }

  /** The index of the newest commit. */
  get derived(): Pick<ReplaceableIndex, "head" | "removals" | "scopes" | "addScopes" | "dump"> {
    return this.#databases.derived;
  }

  onDamage(digest: Digest): void {
    const needed = describeNeed(this.index, digest);
    this.#log.warn(
      `the blob ${digest} of the store '${this.#location.store}' is damaged and was set aside${needed}; a new push of it heals it`,
    );
  }

  /** The store at a commit, with its own index. */
  frozenAt(commitId: ObjectId): Promise<FrozenView> {
    return this.#frozen.at(commitId, this.#signal);
  }

  /** The indexes of all served states. */
  servedIndexes(): readonly OciIndexReader[] {
    return [this.index, ...this.#frozen.indexes()];
  }

  /** The commits of the served past states. */
  frozenCommits(): readonly ObjectId[] {
    return this.#frozen.commits();
  }

  /** Removes the indexes of past states that no registry serves any more. */
  dropFrozenExcept(used: ReadonlySet<ObjectId>): void {
    this.#frozen.dropExcept(used);
  }

  /** The content of the view with this id, read from the commits. */
  committedIn(viewId: number): CommittedContent {
    return this.#frozen.find(viewId)?.view.committed ?? this.committed;
  }

  refresh(): Promise<void> | undefined {
    return this.store.refresh();
  }

  audit(digest: Digest): void {
    this.#auditor.add(digest);
  }

  damaged(damage: Damage): void {
    this.heal(this.#location.id, damage);
  }

  /** Reports that the index of a past state is damaged. */
  damagedAt(commitId: ObjectId, reason: string): void {
    const frozen = this.#frozen.of(commitId);
    if (frozen) this.heal(frozen.location.id, { reason, path: frozen.location.indexPath });
  }

  /**
   * Replaces the damaged database of the view with this id in the background, once, however many requests report it. Does
   * nothing for a view that was replaced already.
   */
  heal(viewId: number, damage: Damage): void {
    const frozen = this.#frozen.find(viewId);
    if (!frozen && viewId !== this.#location.id) return;
    // The index is behind the commits: the entry is not lost.
    if (damage.isMissing && !frozen && this.derived.head !== this.store.head().commitId) return;
    this.#healing.begin(() => this.inUse(() => this.#replace(frozen, damage)));
  }

  async #replace(frozen: FrozenView | undefined, damage: Damage): Promise<void> {
    if (frozen) await this.#frozen.replace(frozen, damage, this.#signal);
    else await this.#databases.replace(damage, this.#signal);
    if (!frozen)
      this.#location = { ...this.#location, indexPath: this.#databases.indexPath, id: nextViewId() };
    this.#relocated();
  }

  /** Removes abandoned upload sessions, and returns how many. */
  expireUploads(options: Pick<ExpiryOptions, "onceInMs"> = {}): Promise<number> {
    return expireUploads(this.uploads, options);
  }

  #expireUploads(): void {
    this.inUse(() => this.expireUploads({ onceInMs: EXPIRY_EVERY_MS })).catch((error) =>
      this.#log.error(`uploads of the store '${this.#location.store}' could not be given up`, error),
    );
  }

  /** Keeps the store open while `work` runs; `closing` is aborted when it is to be closed. */
  async inUse<T>(work: (closing: AbortSignal) => Promise<T>): Promise<T> {
    const running = work(this.#signal);
    this.#uses.add(running);
    try {
      return await running;
    } finally {
      this.#uses.delete(running);
    }
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error("the store is being closed"));
    await this.#indexAuditor.close();
    clearInterval(this.#expiry);
    await Promise.allSettled(this.#uses);
    // Each is closed, the last one first, even if another can't be: a store that stays open can't be opened again.
    await using parts = new AsyncDisposableStack();
    parts.defer(() => this.#databases.close());
    parts.defer(() => this.store.close());
    parts.defer(() => this.#frozen.close());
    parts.defer(() => this.history.close());
    parts.defer(() => this.summaries.close());
    parts.defer(() => this.pulls.close());
    parts.defer(() => this.sizes.close());
    parts.defer(() => this.#auditor.close());
  }
}
