import type { GitObject, NamedObject } from "../git/object.ts";
import type { ObjectId } from "../git/object-id.ts";

/** Immutable Git objects by name. */
export interface ObjectStore {
  get(id: ObjectId): Promise<GitObject | undefined>;
  has(id: ObjectId): Promise<boolean>;
  /** Resolves when all of them would survive a power cut; objects that are stored already may be given again. */
  put(objects: readonly NamedObject[]): Promise<void>;
  /** The ids of all objects, in pages and as they lie: some may come twice, and what is put meanwhile may be missing. */
  list(): AsyncIterable<readonly ObjectId[]>;
  /**
   * What is wrong with the containers (files, say) that hold the objects, a line each; the objects themselves are compared
   * with their names by whoever reads them. `step` may wait between containers, and ends the check early by answering false.
   */
  verify(step: (progress: string) => Promise<boolean>): Promise<readonly string[]>;
  close(): Promise<void>;
}
