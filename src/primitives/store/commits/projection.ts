import type { ObjectId } from "../git/object-id.ts";
import type { Change } from "./tree-edit.ts";

/** Something derived from the files of a store that follows its commits, such as an index. */
export interface Projection {
  /** The commit it stands for; `undefined` before the first one. */
  readonly head: ObjectId | undefined;
  /**
   * Takes in changed files. With `head`, they complete that commit. Given the same changes again it must end the same:
   * after a crash they are.
   */
  apply(changes: readonly Change[], head?: ObjectId): void;
  /** Forgets everything, to be told all from the beginning. */
  reset(): void;
}
