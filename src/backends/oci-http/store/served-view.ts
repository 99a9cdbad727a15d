import type { Database } from "bun:sqlite";
import type { Digest } from "../../../primitives/digest.ts";
import { sharedByTurn } from "../../../primitives/jobs/shared-by-turn.ts";
import type { Logger } from "../../../primitives/logging/logger.ts";
import { openForReading } from "../../../primitives/sqlite/open-database.ts";
import { BlobChecks } from "../../../primitives/store/blobs/blob-checks.ts";
import { BlobRecency } from "../../../primitives/store/blobs/blob-recency.ts";
import { SessionCounts } from "../../../primitives/store/blobs/session-counts.ts";
import type { BlobStore } from "../../../primitives/store/engine/blobs.ts";
import type { ContentStorage } from "../../../primitives/store/engine/engine.ts";
import { NO_LINKS, type OpenLinkReader } from "../../../primitives/store/engine/links.ts";
import type { UploadLocks, UploadStore } from "../../../primitives/store/engine/uploads.ts";
import { ScopeClock } from "../../../primitives/store/index/scope-clock.ts";
import { openEngine } from "../../../primitives/store/open-engine.ts";
import { type CommittedContent, MissChecks } from "../content/committed-content.ts";
import type { Damage } from "../content/damage.ts";
import type { HistoryFeed } from "../feed/history-feed.ts";
import { OciIndexReader } from "../index/oci-index-reader.ts";
import type { Quotas } from "../policy/quotas.ts";
import { NO_PULLS, type Pull, type PullListener, PullNotes } from "../pulls/pull-notes.ts";
import { ReadCache } from "./read-cache.ts";
import type { StoreChanges } from "./store-changes.ts";
import type { StoreView } from "./store-view.ts";
import type { ViewLocation } from "./view-location.ts";

/** Reports from the serving threads to the thread that owns the store. */
export interface StoreReports {
  /** A blob was found damaged. */
  onDamage(digest: Digest): void;
  /** A blob is due to be hashed in the background. */
  audit(digest: Digest): void;
  /** Clients have pulled these. */
  notePulls(pulls: readonly Pull[]): void;
  /** A database of the view with this id is damaged. */
  onDatabaseDamage(view: number, damage: Damage): void;
}

/** The calls that a view makes to the thread that owns its store. */
export interface StoreOwner {
  readonly changes: StoreChanges;
  readonly locks: UploadLocks;
  readonly reports: StoreReports;
  /** See `StoreView`. */
  refresh(): Promise<void>;
  committed(view: number): CommittedContent;
  readonly feed: HistoryFeed;
}

/** Only the thread that owns a store logs about it. */
const NOT_LOGGED: Logger = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** A view of a store that another thread owns; it reads through its own connections. */
export class ServedView implements StoreView {
  readonly index: OciIndexReader;
  readonly blobs: BlobStore;
  readonly recency: BlobRecency;
  readonly checks: BlobChecks;
  readonly audit: (digest: Digest) => void;
  readonly links: OpenLinkReader;
  readonly uploads: UploadStore;
  readonly pulls: PullListener;
  readonly reads: ReadCache;
  readonly changes: StoreChanges;
  readonly quotas: Quotas;
  readonly committed: CommittedContent;
  readonly missChecks = new MissChecks();
  readonly feed: HistoryFeed;
  readonly refresh: () => Promise<void> | undefined;
  readonly damaged: (damage: Damage) => void;
  readonly #database: Database;
  readonly #pulls: PullNotes;

  private constructor(
    { id, engine, isFrozen, indexPath, clock, recency, checks, quotas }: ViewLocation,
    { blobs, uploads }: ContentStorage,
    links: OpenLinkReader,
    { changes, reports, refresh, committed, feed }: StoreOwner,
  ) {
    this.#database = openForReading(indexPath);
    this.index = new OciIndexReader(this.#database);
    this.links = links;
    this.blobs = blobs;
    this.recency = new BlobRecency(recency);
    this.checks = new BlobChecks(checks);
    this.audit = (digest) => reports.audit(digest);
    this.uploads = uploads;
    this.#pulls = new PullNotes((pulls) => reports.notePulls(pulls));
    this.pulls = isFrozen ? NO_PULLS : this.#pulls;
    this.reads = new ReadCache(new ScopeClock(clock));
    this.changes = changes;
    this.quotas = quotas;
    this.committed = committed(id);
    this.feed = feed;
    // The thread that owns the store shares the looks of all threads.
    this.refresh = isFrozen || engine.kind === "local" ? () => undefined : sharedByTurn(refresh);
    this.damaged = (damage) => reports.onDatabaseDamage(id, damage);
  }

  static async open(location: ViewLocation, owner: StoreOwner): Promise<ServedView> {
    const engine = await openEngine(location.engine, NOT_LOGGED);
    const content = await engine.openContent(location.store, {
      onDamage: (digest) => owner.reports.onDamage(digest),
      locks: owner.locks,
      sessions: new SessionCounts(location.sessions),
      isOwner: false,
    });
    const links = location.isFrozen ? NO_LINKS : await engine.readLinks(location.store);
    try {
      return new ServedView(location, content, links, owner);
    } catch (error) {
      links.close();
      throw error;
    }
  }

  /** Tells the owner at once what was pulled. */
  flush(): void {
    this.#pulls.flush();
  }

  close(): void {
    this.flush();
    this.#database.close();
    this.links.close();
  }
}
