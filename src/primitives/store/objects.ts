import type { GitObject, NamedObject } from "./git/object.ts";
import type { ObjectId } from "./git/object-id.ts";

/** Immutable Git objects by name. */
export interface ObjectStore {
  get(id: ObjectId): Promise<GitObject | undefined>;
  has(id: ObjectId): Promise<boolean>;
  /** Resolves when all of them would survive a power cut; objects that are there already may be given again. */
  put(objects: readonly NamedObject[]): Promise<void>;
  /** No file goes until what is answered is called, so that somebody else can copy them. */
  hold(): () => void;
  close(): Promise<void>;
}

/** Mutable names of commits. */
export interface RefStore {
  read(ref: string): Promise<ObjectId | undefined>;
  /**
   * Points `ref` at `next` if it still is `expected` (`undefined`: does not exist), durably, once `ready` has resolved.
   * Answers false, and changes nothing, if it is something else by now.
   */
  compareAndSwap(
    ref: string,
    expected: ObjectId | undefined,
    next: ObjectId,
    ready: Promise<void>,
  ): Promise<boolean>;
}
