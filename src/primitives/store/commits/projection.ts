import type { ObjectId } from "../git/object-id.ts";
import type { Change } from "./tree-edit.ts";

/** Data derived from the files of a store that follows its commits, such as an index. */
export interface Projection {
  /** The commit that it is up to date with; `undefined` before the first one. */
  readonly head: ObjectId | undefined;
  /**
   * Applies changed files. With `head`, they complete that commit. Must be idempotent: after a crash the same changes are
   * applied again.
   */
  apply(changes: readonly Change[], head?: ObjectId): void;
  /** Empties the projection; all files are applied again afterwards. */
  reset(): void;
}
