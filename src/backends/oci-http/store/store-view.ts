import type { Digest } from "../../../primitives/digest.ts";
import type { BlobChecks } from "../../../primitives/store/blobs/blob-checks.ts";
import type { BlobRecency } from "../../../primitives/store/blobs/blob-recency.ts";
import type { BlobStore } from "../../../primitives/store/engine/blobs.ts";
import type { LinkReader } from "../../../primitives/store/engine/links.ts";
import type { UploadStore } from "../../../primitives/store/engine/uploads.ts";
import type { CommittedContent, MissChecks } from "../content/committed-content.ts";
import type { Damage } from "../content/damage.ts";
import type { HistoryFeed } from "../feed/history-feed.ts";
import type { OciIndexReader } from "../index/oci-index-reader.ts";
import type { Quotas } from "../policy/quotas.ts";
import type { PullListener } from "../pulls/pull-notes.ts";
import type { ReadCache } from "./read-cache.ts";
import type { StoreChanges } from "./store-changes.ts";

/** What an instance serves: a store's newest or a past state. This thread reads it; another may make the changes. */
export interface StoreView {
  readonly index: OciIndexReader;
  readonly blobs: BlobStore;
  /** Touched before a blob is looked up for a client. */
  readonly recency: BlobRecency;
  /** Which blobs were hashed recently. */
  readonly checks: BlobChecks;
  /** Blobs that belong to a repository although no manifest names them. */
  readonly links: LinkReader;
  readonly uploads: UploadStore;
  /** Told of each manifest that a client gets. */
  readonly pulls: PullListener;
  readonly reads: ReadCache;
  readonly changes: StoreChanges;
  /** Defaults for instances without their own. */
  readonly quotas: Quotas;
  /** The fallback when the index is damaged. */
  readonly committed: CommittedContent;
  readonly missChecks: MissChecks;
  /** The history, for replicas. */
  readonly feed: HistoryFeed;
  /**
   * To be awaited before something is read that other nodes may have changed, and before a miss counts; see `Store.refresh`.
   * `undefined` where no wait is needed, always so where only this node changes the store.
   */
  refresh(): Promise<void> | undefined;
  /** Hashes a blob in the background; a damaged one is set aside. */
  audit(digest: Digest): void;
  /** Reports a damaged database, which is then replaced while requests continue. */
  damaged(damage: Damage): void;
}
