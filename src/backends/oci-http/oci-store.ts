import type { Logger } from "../../primitives/logger.ts";
import { BlobLinks, NO_LINKS } from "../../primitives/store/blob-links.ts";
import { BlobStore } from "../../primitives/store/blob-store.ts";
import { DerivedIndex, removeDatabase } from "../../primitives/store/derived-index.ts";
import type { ObjectId } from "../../primitives/store/git/object-id.ts";
import { ScopeClock } from "../../primitives/store/scope-clock.ts";
import type { Store } from "../../primitives/store/store.ts";
import type { StoreManager, StoreName } from "../../primitives/store/store-manager.ts";
import { LocalUploadLocks, UploadStore } from "../../primitives/store/upload-store.ts";
import { OCI_INDEX, OciIndexReader } from "./oci-index.ts";
import type { OciView } from "./oci-view.ts";
import { ReadCache } from "./read-cache.ts";
import { LocalStoreChanges, type StoreChanges } from "./store-changes.ts";

/** An upload that nobody went on with for so long is given up; clients resume within minutes or days. */
const UPLOAD_EXPIRY_MS = 7 * 24 * 60 * 60 * 1000;
const EXPIRY_INTERVAL_MS = 60 * 60 * 1000;

/** Where another thread finds what it takes to serve a view. Plain data, but for the clock's memory, which is shared. */
export interface ViewLocation {
  /** Its own in the life of the process: a view that is opened again is another. */
  readonly id: number;
  readonly store: StoreName;
  readonly dir: string;
  readonly indexPath: string;
  readonly clock: SharedArrayBuffer;
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
  readonly location: ViewLocation;
  readonly #derived: DerivedIndex;
  readonly #expiry: Timer;
  readonly #frozen = new Map<ObjectId, FrozenView>();

  private constructor(
    location: ViewLocation,
    store: Store,
    derived: DerivedIndex,
    blobs: BlobStore,
    clock: ScopeClock,
    log: Logger,
  ) {
    const { dir } = location;
    this.location = location;
    this.store = store;
    this.reads = new ReadCache(clock);
    this.index = new OciIndexReader(derived.db);
    this.blobs = blobs;
    this.links = new BlobLinks(`${dir}/links.sqlite`, clock);
    this.locks = new LocalUploadLocks();
    this.uploads = new UploadStore(`${dir}/uploads`, blobs, this.locks);
    this.changes = new LocalStoreChanges(this);
    this.#derived = derived;
    const expire = () =>
      this.uploads
        .expire(UPLOAD_EXPIRY_MS)
        .catch((error) =>
          log.error(`old uploads of the store '${location.store}' could not be removed`, error),
        );
    void expire();
    this.#expiry = setInterval(expire, EXPIRY_INTERVAL_MS).unref();
  }

  static async open(manager: StoreManager, name: StoreName): Promise<OciStore> {
    const dir = await manager.create(name);
    const clock = new ScopeClock();
    const indexPath = `${dir}/index.sqlite`;
    const derived = DerivedIndex.open(indexPath, OCI_INDEX, clock);
    const store = await manager.open(name, derived);
    const blobs = await BlobStore.open(`${dir}/blobs`);
    const location = { id: ++lastViewId, store: name, dir, indexPath, clock: clock.memory, isFrozen: false };
    return new OciStore(location, store, derived, blobs, clock, manager.log);
  }

  /** What the index holds, as text. */
  dumpIndex(): string {
    return this.#derived.dump();
  }

  /** The store as it was at a commit, with an index of its own. */
  async frozenAt(commitId: ObjectId): Promise<FrozenView> {
    const known = this.#frozen.get(commitId);
    if (known) return known;
    const indexPath = `${this.location.dir}/index-at-${commitId}.sqlite`;
    const clock = new ScopeClock();
    const derived = DerivedIndex.open(indexPath, OCI_INDEX, clock);
    try {
      await this.store.project(derived, commitId);
    } catch (error) {
      derived.close();
      removeDatabase(indexPath);
      throw error;
    }
    const { blobs, uploads, changes } = this;
    const index = new OciIndexReader(derived.db);
    // What is uploaded now was not there then.
    const view = { index, blobs, links: NO_LINKS, uploads, reads: new ReadCache(clock), changes };
    const location = { ...this.location, id: ++lastViewId, indexPath, clock: clock.memory, isFrozen: true };
    const frozen = { view, derived, location };
    this.#frozen.set(commitId, frozen);
    return frozen;
  }

  /** Removes the indexes of past states that nobody serves any more. */
  dropFrozenExcept(used: ReadonlySet<ObjectId>): void {
    for (const [commitId, { derived, location }] of [...this.#frozen].filter(([id]) => !used.has(id))) {
      this.#frozen.delete(commitId);
      derived.close();
      removeDatabase(location.indexPath);
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#expiry);
    for (const { derived } of this.#frozen.values()) derived.close();
    await this.store.close();
    await this.links.close();
    this.#derived.close();
  }
}
