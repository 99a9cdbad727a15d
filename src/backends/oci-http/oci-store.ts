import { BlobLinks } from "../../primitives/store/blob-links.ts";
import { BlobStore } from "../../primitives/store/blob-store.ts";
import { DerivedIndex } from "../../primitives/store/derived-index.ts";
import { ScopeClock } from "../../primitives/store/scope-clock.ts";
import type { Store } from "../../primitives/store/store.ts";
import type { StoreManager, StoreName } from "../../primitives/store/store-manager.ts";
import { UploadStore } from "../../primitives/store/upload-store.ts";
import { OCI_INDEX, OciIndexReader } from "./oci-index.ts";
import { ReadCache } from "./read-cache.ts";

/** Everything that one OCI store consists of: versioned files and their index, blobs and their links, uploads. */
export class OciStore {
  readonly store: Store;
  readonly index: OciIndexReader;
  readonly blobs: BlobStore;
  readonly links: BlobLinks;
  readonly uploads: UploadStore;
  readonly reads: ReadCache;
  readonly #derived: DerivedIndex;

  private constructor(
    store: Store,
    derived: DerivedIndex,
    blobs: BlobStore,
    links: BlobLinks,
    uploads: UploadStore,
    clock: ScopeClock,
  ) {
    this.store = store;
    this.reads = new ReadCache(clock);
    this.index = new OciIndexReader(derived.db);
    this.blobs = blobs;
    this.links = links;
    this.uploads = uploads;
    this.#derived = derived;
  }

  static async open(manager: StoreManager, name: StoreName): Promise<OciStore> {
    const dir = await manager.create(name);
    const clock = new ScopeClock();
    const derived = DerivedIndex.open(`${dir}/index.sqlite`, OCI_INDEX, clock);
    const store = await manager.open(name, derived);
    const blobs = await BlobStore.open(`${dir}/blobs`);
    return new OciStore(
      store,
      derived,
      blobs,
      new BlobLinks(`${dir}/links.sqlite`, clock),
      new UploadStore(`${dir}/uploads`, blobs),
      clock,
    );
  }

  async close(): Promise<void> {
    await this.store.close();
    await this.links.close();
    this.#derived.close();
  }
}
