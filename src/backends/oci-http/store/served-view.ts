import type { Database } from "bun:sqlite";
import type { Digest } from "../../../primitives/digest.ts";
import type { Logger } from "../../../primitives/logging/logger.ts";
import { openForReading } from "../../../primitives/sqlite/open-database.ts";
import { BlobChecks } from "../../../primitives/store/blobs/blob-checks.ts";
import { NO_LINKS, StoredLinks } from "../../../primitives/store/blobs/blob-links.ts";
import { BlobRecency } from "../../../primitives/store/blobs/blob-recency.ts";
import { SessionCounts } from "../../../primitives/store/blobs/session-counts.ts";
import type { BlobStore } from "../../../primitives/store/engine/blobs.ts";
import type { ContentStorage } from "../../../primitives/store/engine/engine.ts";
import type { LinkReader } from "../../../primitives/store/engine/links.ts";
import type { UploadLocks, UploadStore } from "../../../primitives/store/engine/uploads.ts";
import { ScopeClock } from "../../../primitives/store/index/scope-clock.ts";
import { openEngine } from "../../../primitives/store/open-engine.ts";
import { type CommittedContent, MissChecks } from "../content/committed-content.ts";
import type { Damage } from "../content/damage.ts";
import { OciIndexReader } from "../index/oci-index-reader.ts";
import type { Quotas } from "../policy/quotas.ts";
import { ReadCache } from "./read-cache.ts";
import type { StoreChanges } from "./store-changes.ts";
import type { StoreView } from "./store-view.ts";
import type { ViewLocation } from "./view-location.ts";

/** What the owner of a store is told by the threads that serve it. */
export interface StoreReports {
  /** A blob was found damaged. */
  onDamage(digest: Digest): void;
  /** A blob is to be hashed beside the requests. */
  audit(digest: Digest): void;
  /** A database of the view with this id is damaged. */
  onDatabaseDamage(view: number, damage: Damage): void;
}

/** What a view leaves to the thread that owns its store. */
export interface StoreOwner {
  readonly changes: StoreChanges;
  readonly locks: UploadLocks;
  readonly reports: StoreReports;
  committed(view: number): CommittedContent;
}

/** What there is to tell of a store, the thread that owns it tells. */
const NOT_LOGGED: Logger = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** A view of a store that another thread owns: read through connections of its own. */
export class ServedView implements StoreView {
  readonly index: OciIndexReader;
  readonly blobs: BlobStore;
  readonly recency: BlobRecency;
  readonly checks: BlobChecks;
  readonly audit: (digest: Digest) => void;
  readonly links: LinkReader;
  readonly uploads: UploadStore;
  readonly reads: ReadCache;
  readonly changes: StoreChanges;
  readonly quotas: Quotas;
  readonly committed: CommittedContent;
  readonly missChecks = new MissChecks();
  readonly damaged: (damage: Damage) => void;
  readonly #databases: readonly Database[];

  private constructor(
    { id, indexPath, linksPath, clock, recency, checks, quotas, isFrozen }: ViewLocation,
    { blobs, uploads }: ContentStorage,
    { changes, reports, committed }: StoreOwner,
  ) {
    const index = openForReading(indexPath);
    const links = openForReading(linksPath);
    this.#databases = [index, links];
    this.index = new OciIndexReader(index);
    this.links = isFrozen ? NO_LINKS : new StoredLinks(links);
    this.blobs = blobs;
    this.recency = new BlobRecency(recency);
    this.checks = new BlobChecks(checks);
    this.audit = (digest) => reports.audit(digest);
    this.uploads = uploads;
    this.reads = new ReadCache(new ScopeClock(clock));
    this.changes = changes;
    this.quotas = quotas;
    this.committed = committed(id);
    this.damaged = (damage) => reports.onDatabaseDamage(id, damage);
  }

  static async open(location: ViewLocation, owner: StoreOwner): Promise<ServedView> {
    const content = await openEngine(location.engine, NOT_LOGGED).openContent(location.store, {
      onDamage: (digest) => owner.reports.onDamage(digest),
      locks: owner.locks,
      sessions: new SessionCounts(location.sessions),
      isOwner: false,
    });
    return new ServedView(location, content, owner);
  }

  close(): void {
    for (const database of this.#databases) database.close();
  }
}
