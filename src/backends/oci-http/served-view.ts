import { Database } from "bun:sqlite";
import { dirname } from "node:path";
import type { Digest } from "../../primitives/digest.ts";
import { type LinkReader, NO_LINKS, StoredLinks } from "../../primitives/store/blob-links.ts";
import { BlobRecency } from "../../primitives/store/blob-recency.ts";
import { BlobStore } from "../../primitives/store/blob-store.ts";
import { DiskRoom } from "../../primitives/store/disk-room.ts";
import { ScopeClock } from "../../primitives/store/scope-clock.ts";
import { type UploadLocks, UploadStore } from "../../primitives/store/upload-store.ts";
import { OciIndexReader } from "./oci-index-reader.ts";
import type { ViewLocation } from "./oci-store.ts";
import type { OciView } from "./oci-view.ts";
import type { Quotas } from "./quotas.ts";
import { ReadCache } from "./read-cache.ts";
import type { StoreChanges } from "./store-changes.ts";

/** What a view leaves to the thread that owns its store. */
export interface StoreOwner {
  readonly changes: StoreChanges;
  readonly locks: UploadLocks;
  /** Hears of blobs that were found damaged. */
  onDamage(digest: Digest): void;
}

/** A view of a store that another thread owns: read through connections of its own. */
export class ServedView implements OciView {
  readonly index: OciIndexReader;
  readonly blobs: BlobStore;
  readonly recency: BlobRecency;
  readonly links: LinkReader;
  readonly uploads: UploadStore;
  readonly reads: ReadCache;
  readonly changes: StoreChanges;
  readonly quotas: Quotas;
  readonly #databases: readonly Database[];

  private constructor(
    { dir, indexPath, clock, recency, quotas, isFrozen }: ViewLocation,
    blobs: BlobStore,
    { changes, locks }: StoreOwner,
  ) {
    const room = new DiskRoom(dirname(dir));
    const index = openForReading(indexPath);
    const links = openForReading(`${dir}/links.sqlite`);
    this.#databases = [index, links];
    this.index = new OciIndexReader(index);
    this.links = isFrozen ? NO_LINKS : new StoredLinks(links);
    this.blobs = blobs;
    this.recency = new BlobRecency(recency);
    this.uploads = new UploadStore(`${dir}/uploads`, blobs, locks, () => room.admitContent());
    this.reads = new ReadCache(new ScopeClock(clock));
    this.changes = changes;
    this.quotas = quotas;
  }

  static async open(location: ViewLocation, owner: StoreOwner): Promise<ServedView> {
    const blobs = await BlobStore.open(`${location.dir}/blobs`, owner.onDamage);
    return new ServedView(location, blobs, owner);
  }

  close(): void {
    for (const database of this.#databases) database.close();
  }
}

function openForReading(path: string): Database {
  const db = new Database(path, { readonly: true, strict: true });
  db.run("PRAGMA busy_timeout = 5000");
  return db;
}
