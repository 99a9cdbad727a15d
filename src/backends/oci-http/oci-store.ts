import type { Digest } from "../../primitives/digest.ts";
import { BlobLinks } from "../../primitives/store/blob-links.ts";
import { BlobStore } from "../../primitives/store/blob-store.ts";
import { DerivedIndex, removeDatabase } from "../../primitives/store/derived-index.ts";
import type { ObjectId } from "../../primitives/store/git/object-id.ts";
import { ScopeClock } from "../../primitives/store/scope-clock.ts";
import type { Store } from "../../primitives/store/store.ts";
import type { StoreManager, StoreName } from "../../primitives/store/store-manager.ts";
import { UploadStore } from "../../primitives/store/upload-store.ts";
import type { RepositoryName } from "../../registry/repository-name.ts";
import { OCI_INDEX, OciIndexReader } from "./oci-index.ts";
import { ReadCache } from "./read-cache.ts";

/** An upload that nobody went on with for so long is given up; clients resume within minutes or days. */
const UPLOAD_EXPIRY_MS = 7 * 24 * 60 * 60 * 1000;
const EXPIRY_INTERVAL_MS = 60 * 60 * 1000;

/** What an instance serves: a store as it is, or as it was. */
export interface OciView {
  readonly store: Store;
  readonly index: OciIndexReader;
  readonly blobs: BlobStore;
  readonly links: BlobLinks;
  readonly uploads: UploadStore;
  readonly reads: ReadCache;
  /** Whether a blob belongs to a repository without a manifest that names it. */
  isLinked(repository: RepositoryName, digest: Digest): boolean;
}

interface FrozenView {
  readonly view: OciView;
  readonly derived: DerivedIndex;
  readonly path: string;
}

/** Everything that one OCI store consists of: versioned files and their index, blobs and their links, uploads. */
export class OciStore implements OciView {
  readonly store: Store;
  readonly index: OciIndexReader;
  readonly blobs: BlobStore;
  readonly links: BlobLinks;
  readonly uploads: UploadStore;
  readonly reads: ReadCache;
  readonly #dir: string;
  readonly #derived: DerivedIndex;
  readonly #expiry: Timer;
  readonly #frozen = new Map<ObjectId, FrozenView>();

  private constructor(
    dir: string,
    store: Store,
    derived: DerivedIndex,
    blobs: BlobStore,
    links: BlobLinks,
    uploads: UploadStore,
    clock: ScopeClock,
  ) {
    this.#dir = dir;
    this.store = store;
    this.reads = new ReadCache(clock);
    this.index = new OciIndexReader(derived.db);
    this.blobs = blobs;
    this.links = links;
    this.uploads = uploads;
    this.#derived = derived;
    uploads.expire(UPLOAD_EXPIRY_MS);
    this.#expiry = setInterval(() => uploads.expire(UPLOAD_EXPIRY_MS), EXPIRY_INTERVAL_MS).unref();
  }

  static async open(manager: StoreManager, name: StoreName): Promise<OciStore> {
    const dir = await manager.create(name);
    const clock = new ScopeClock();
    const derived = DerivedIndex.open(`${dir}/index.sqlite`, OCI_INDEX, clock);
    const store = await manager.open(name, derived);
    const blobs = await BlobStore.open(`${dir}/blobs`);
    return new OciStore(
      dir,
      store,
      derived,
      blobs,
      new BlobLinks(`${dir}/links.sqlite`, clock),
      new UploadStore(`${dir}/uploads`, blobs),
      clock,
    );
  }

  isLinked(repository: RepositoryName, digest: Digest): boolean {
    return this.links.has(repository, digest);
  }

  /** What the index holds, as text. */
  dumpIndex(): string {
    return this.#derived.dump();
  }

  /** The store as it was at a commit, with an index of its own. */
  async frozenAt(commitId: ObjectId): Promise<OciView> {
    const known = this.#frozen.get(commitId);
    if (known) return known.view;
    const path = `${this.#dir}/index-at-${commitId}.sqlite`;
    const clock = new ScopeClock();
    const derived = DerivedIndex.open(path, OCI_INDEX, clock);
    try {
      await this.store.project(derived, commitId);
    } catch (error) {
      derived.close();
      removeDatabase(path);
      throw error;
    }
    const { store, blobs, links, uploads } = this;
    const index = new OciIndexReader(derived.db);
    // What is uploaded now was not there then.
    const view = { store, index, blobs, links, uploads, reads: new ReadCache(clock), isLinked: () => false };
    this.#frozen.set(commitId, { view, derived, path });
    return view;
  }

  /** Removes the indexes of past states that nobody serves any more. */
  dropFrozenExcept(used: ReadonlySet<ObjectId>): void {
    for (const [commitId, { derived, path }] of [...this.#frozen].filter(([id]) => !used.has(id))) {
      this.#frozen.delete(commitId);
      derived.close();
      removeDatabase(path);
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
