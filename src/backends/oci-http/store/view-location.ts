import type { EngineLocation, StoreName } from "../../../primitives/store/store-manager.ts";
import type { Quotas } from "../policy/quotas.ts";

/** Where another thread finds what it takes to serve a view. Plain data, but for the clock's memory, which is shared. */
export interface ViewLocation {
  /** Its own in the life of the process: a view that is opened again is another. */
  readonly id: number;
  readonly store: StoreName;
  readonly engine: EngineLocation;
  readonly indexPath: string;
  readonly clock: SharedArrayBuffer;
  /** Of its `BlobRecency`. */
  readonly recency: SharedArrayBuffer;
  /** Of its `BlobChecks`. */
  readonly checks: SharedArrayBuffer;
  /** Of its `SessionCounts`. */
  readonly sessions: SharedArrayBuffer;
  /** For instances that have none of their own. */
  readonly quotas: Quotas;
  /** Whether it is a past state. */
  readonly isFrozen: boolean;
}

let lastId = 0;

export function nextViewId(): number {
  return ++lastId;
}
