import type { Digest } from "../../../primitives/digest.ts";
import type { BlobChecks } from "../../../primitives/store/blobs/blob-checks.ts";
import type { BlobRecency } from "../../../primitives/store/blobs/blob-recency.ts";
import type { BlobStore } from "../../../primitives/store/engine/blobs.ts";
import type { LinkReader } from "../../../primitives/store/engine/links.ts";
import type { UploadStore } from "../../../primitives/store/engine/uploads.ts";
import type { CommittedContent, MissChecks } from "../content/committed-content.ts";
import type { Damage } from "../content/damage.ts";
import type { OciIndexReader } from "../index/oci-index-reader.ts";
import type { Quotas } from "../policy/quotas.ts";
import type { ReadCache } from "./read-cache.ts";
import type { StoreChanges } from "./store-changes.ts";

/** What an instance serves: a store as it is, or as it was. Reading is this thread's own; changes may go to another. */
export interface StoreView {
  readonly index: OciIndexReader;
  readonly blobs: BlobStore;
  /** Touched before a blob is looked for on behalf of a client. */
  readonly recency: BlobRecency;
  /** Which blobs were hashed lately. */
  readonly checks: BlobChecks;
  /** Blobs that belong to a repository without a manifest that names them. */
  readonly links: LinkReader;
  readonly uploads: UploadStore;
  readonly reads: ReadCache;
  readonly changes: StoreChanges;
  /** For instances that have none of their own. */
  readonly quotas: Quotas;
  /** For what the index can't be relied on. */
  readonly committed: CommittedContent;
  readonly missChecks: MissChecks;
  /** Has a blob hashed beside the requests; one that is damaged is set aside. */
  audit(digest: Digest): void;
  /** Reports damage of the databases, which are then replaced while requests go on. */
  damaged(damage: Damage): void;
}
