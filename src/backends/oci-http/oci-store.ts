import { basename } from "node:path";
import type { Digest } from "../../primitives/digest.ts";
import type { Logger } from "../../primitives/logger.ts";
import { BlobLinks, NO_LINKS } from "../../primitives/store/blob-links.ts";
import { BlobRecency } from "../../primitives/store/blob-recency.ts";
import { BlobStore } from "../../primitives/store/blob-store.ts";
import { removeDatabase } from "../../primitives/store/derived-database.ts";
import { DerivedIndex } from "../../primitives/store/derived-index.ts";
import type { DiskRoom } from "../../primitives/store/disk-room.ts";
import type { ObjectId } from "../../primitives/store/git/object-id.ts";
import { ScopeClock } from "../../primitives/store/scope-clock.ts";
import type { Store } from "../../primitives/store/store.ts";
import type { StoreManager, StoreName } from "../../primitives/store/store-manager.ts";
import type { StorePath } from "../../primitives/store/store-path.ts";
import { LocalUploadLocks, UploadStore } from "../../primitives/store/upload-store.ts";
import { describeNeed } from "./blob-need.ts";
import { BlobSizeCounter } from "./blob-sizes.ts";
import { HistoryIndex } from "./history-index.ts";
import { OCI_INDEX } from "./oci-index.ts";
import { OciIndexReader } from "./oci-index-reader.ts";
import type { OciView } from "./oci-view.ts";
import { type Quotas, StoreUse } from "./quotas.ts";
import { ReadCache } from "./read-cache.ts";
import { LocalStoreChanges, type StoreChanges } from "./store-changes.ts";

/** Where another thread finds what it takes to serve a view. Plain data, but for the clock's memory, which is shared. */
export interface ViewLocation {
  /** Its own in the life of the process: a view that is opened again is another. */
  readonly id: number;
  readonly store: StoreName;
  readonly dir: string;
  readonly indexPath: string;
  readonly clock: SharedArrayBuffer;
  /** Of its `BlobRecency`. */
  readonly recency: SharedArrayBuffer;
  /** For instances that have none of their own. */
  readonly quotas: Quotas;
  /** Whether it is a past state. */
  readonly isFrozen: boolean;
}

let lastViewId = 0;

interface FrozenView {
  readonly view: OciView;
  readonly derived: DerivedIndex;
  readonly location: ViewLocation;
}

/** Everything that one OCI store consists of: versioned files and their index, blobs and their links, uploads. */
export class OciStore implements OciView {
  readonly store: Store;
  readonly index: OciIndexReader;
  readonly blobs: BlobStore;
  readonly links: BlobLinks;
  readonly uploads: UploadStore;
  readonly reads: ReadCache;
  readonly changes: StoreChanges;
  readonly locks: LocalUploadLocks;
  readonly room: DiskRoom;
  readonly recency: BlobRecency;
  readonly history: HistoryIndex;
  readonly sizes: BlobSizeCounter;
  readonly use: StoreUse;
  readonly quotas: Quotas;
  readonly location: ViewLocation;
  readonly #derived: DerivedIndex;
  readonly #log: Logger;
  readonly #signal: AbortSignal | undefined;
  readonly #uses = new Set<Promise<unknown>>();
  readonly #frozen = new Map<ObjectId, FrozenView>();

  private constructor(
    location: ViewLocation,
    store: Store,
    derived: DerivedIndex,
    blobs: BlobStore,
    clock: ScopeClock,
    { log, signal, room }: Pick<StoreManager, "log" | "signal" | "room">,
  ) {
    const { dir } = location;
    this.location = location;
    this.store = store;
    this.reads = new ReadCache(clock);
    this.index = new OciIndexReader(derived.db);
    this.blobs = blobs;
    this.links = new BlobLinks(`${dir}/links.sqlite`, clock);
    this.locks = new LocalUploadLocks();
    this.room = room;
    this.uploads = new UploadStore(`${dir}/uploads`, blobs, this.locks, () => room.admitContent());
    this.changes = new LocalStoreChanges(this);
    this.#derived = derived;
    this.#log = log;
    this.#signal = signal;
    this.recency = new BlobRecency(location.recency);
    this.sizes = new BlobSizeCounter(blobs, (error) =>
      log.error(`the blobs of the store '${location.store}' could not be counted`, error),
    );
    this.use = new StoreUse(this);
    this.quotas = location.quotas;
    this.history = new HistoryIndex(`${dir}/history.sqlite`, store, (reason) =>
      log.warn(builtAnew("history.sqlite", location.store, reason)),
    );
  }

  static async open(manager: StoreManager, name: StoreName, quotas: Quotas = {}): Promise<OciStore> {
    const dir = await manager.create(name);
    const clock = new ScopeClock();
    const indexPath = `${dir}/index.sqlite`;
    // What was opened before something fails is closed, so that it can be opened again once it is repaired.
    await using undo = new AsyncDisposableStack();
    const derived = DerivedIndex.open(indexPath, OCI_INDEX, clock, (reason) =>
      manager.log.warn(builtAnew("index.sqlite", name, reason)),
    );
    undo.defer(() => derived.close());
    const store = await manager.open(name, derived);
    undo.defer(() => store.close());
    let oci: OciStore | undefined;
    const blobs = await BlobStore.open(`${dir}/blobs`, (digest) => oci?.onDamage(digest));
    blobs.recover();
    const location = {
      id: ++lastViewId,
      store: name,
      dir,
      indexPath,
      clock: clock.memory,
      recency: new BlobRecency().memory,
      quotas,
      isFrozen: false,
    };
    oci = new OciStore(location, store, derived, blobs, clock, manager);
    undo.move();
    return oci;
  }

  /** Reports a blob that was found damaged and set aside. */
  onDamage(digest: Digest): void {
    const needed = describeNeed(this.index, digest);
    this.#log.warn(
      `the blob ${digest} of the store '${this.location.store}' is damaged and was set aside${needed}; a new push of it heals it`,
    );
  }

  /** What the index holds of the newest commit. */
  get derived(): Pick<DerivedIndex, "head" | "removals" | "scopes" | "dump"> {
    return this.#derived;
  }

  /** Has an index forget a manifest and take it in again, where it was found not to know all of it: that of a past state, or the newest. */
  async indexAgain(path: StorePath, at?: ObjectId): Promise<void> {
    const index = at ? this.#frozen.get(at)?.derived : this.#derived;
    for (;;) {
      const newest = this.store.head();
      const content = await (at ? await this.store.at(at) : newest).read(path);
      // The commits made meanwhile are in the index already.
      if (newest !== this.store.head()) continue;
      if (!content || !index) return;
      index.apply([
        { path, content: null },
        { path, content },
      ]);
      this.#log.warn(
        `an index of the store '${this.location.store}' lacked what the commits say of ${path}; it was taken in again`,
      );
      return;
    }
  }

  /** The store as it was at a commit, with an index of its own. */
  async frozenAt(commitId: ObjectId): Promise<FrozenView> {
    const known = this.#frozen.get(commitId);
    if (known) return known;
    const indexPath = `${this.location.dir}/index-at-${commitId}.sqlite`;
    const clock = new ScopeClock();
    const derived = DerivedIndex.open(indexPath, OCI_INDEX, clock, (reason) =>
      this.#log.warn(builtAnew(basename(indexPath), this.location.store, reason)),
    );
    try {
      await this.store.project(derived, commitId, this.#signal);
    } catch (error) {
      derived.close();
      removeDatabase(indexPath);
      throw error;
    }
    const { blobs, recency, uploads, changes, quotas } = this;
    const index = new OciIndexReader(derived.db);
    // What is uploaded now was not there then.
    const reads = new ReadCache(clock);
    const view = { index, blobs, recency, links: NO_LINKS, uploads, reads, changes, quotas };
    const location = { ...this.location, id: ++lastViewId, indexPath, clock: clock.memory, isFrozen: true };
    const frozen = { view, derived, location };
    this.#frozen.set(commitId, frozen);
    return frozen;
  }

  /** The indexes of what is served: the newest state and past ones. */
  servedIndexes(): readonly OciIndexReader[] {
    return [this.index, ...[...this.#frozen.values()].map(({ view }) => view.index)];
  }

  /** The commits of the past states that are served. */
  frozenCommits(): readonly ObjectId[] {
    return [...this.#frozen.keys()];
  }

  /** Removes the indexes of past states that nobody serves any more. */
  dropFrozenExcept(used: ReadonlySet<ObjectId>): void {
    for (const [commitId, { derived, location }] of [...this.#frozen].filter(([id]) => !used.has(id))) {
      this.#frozen.delete(commitId);
      derived.close();
      removeDatabase(location.indexPath);
    }
  }

  /** Keeps the store open while `work` goes on. */
  async inUse<T>(work: () => Promise<T>): Promise<T> {
    const running = work();
    this.#uses.add(running);
    try {
      return await running;
    } finally {
      this.#uses.delete(running);
    }
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#uses);
    await this.sizes.close();
    await this.history.close();
    for (const { derived } of this.#frozen.values()) derived.close();
    await this.store.close();
    await this.links.close();
    this.#derived.close();
  }
}

function builtAnew(file: string, store: StoreName, reason: string): string {
  return `${file} of the store '${store}' is damaged (${reason}); it is built anew from the commits`;
}
