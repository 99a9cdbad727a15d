import type { Release } from "../../primitives/release.ts";
import type { BodyBudget } from "./bounded-body.ts";

/** Limits on request bodies, in bytes. */
export interface Limits {
  readonly manifestBytes: number;
  /** `undefined`: no limit. */
  readonly blobBytes: number | undefined;
  /** Memory for manifests while they are read and stored. */
  readonly manifestBudget: BodyBudget;
  /** Counts an upload body until the release; `undefined` if too many are in progress. */
  beginUpload(): Release | undefined;
}
