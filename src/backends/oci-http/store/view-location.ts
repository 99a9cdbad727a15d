import type { EngineLocation } from "../../../primitives/store/engine-location.ts";
import type { StoreName } from "../../../primitives/store/store-manager.ts";
import type { Quotas } from "../policy/quotas.ts";

/** Everything another thread needs to open a view. Plain data, except for the shared memory. */
export interface ViewLocation {
  /** Unique within the process: a reopened view has a new one. */
  readonly id: number;
  readonly store: StoreName;
  readonly engine: EngineLocation;
  readonly indexPath: string;
  readonly clock: SharedArrayBuffer;
  /** Memory of the store's `BlobRecency`. */
  readonly recency: SharedArrayBuffer;
  /** Memory of the store's `BlobChecks`. */
  readonly checks: SharedArrayBuffer;
  /** Memory of the store's `SessionCounts`. */
  readonly sessions: SharedArrayBuffer;
  /** Defaults for instances without their own. */
  readonly quotas: Quotas;
  /** Whether the view is a past state. */
  readonly isFrozen: boolean;
}

let lastId = 0;

export function nextViewId(): number {
  return ++lastId;
}
