import type { GitObject, NamedObject } from "../git/object.ts";
import type { ObjectId } from "../git/object-id.ts";

/** Immutable Git objects by name. */
export interface ObjectStore {
  get(id: ObjectId): Promise<GitObject | undefined>;
  has(id: ObjectId): Promise<boolean>;
  /** Resolves when all of them would survive a power cut; objects that are there already may be given again. */
  put(objects: readonly NamedObject[]): Promise<void>;
  /**
   * What is wrong with the files in which they lie, a line each. `step` may wait between files, and ends the check early
   * by answering false.
   */
  fileProblems(step: (progress: string) => Promise<boolean>): Promise<readonly string[]>;
  /** No file is removed until the returned function is called, so that a backup can copy them. */
  hold(): () => void;
  close(): Promise<void>;
}

/** Commits on their way to the branch, with all that they consist of. */
export interface Publication {
  readonly objects: readonly NamedObject[];
  /** Where the branch must still be; `undefined`: nowhere yet. */
  readonly expected: ObjectId | undefined;
  readonly next: ObjectId;
  /** Whether more will follow at once, so that what takes long can be done for all together. */
  readonly isFollowed: boolean;
  /** Called when the objects are in the object store, which may be later than they are durable. */
  stored(): void;
}

/** The branch of a store, as its one writer moves it. */
export interface Branch {
  /** The newest commit that was published. */
  read(): Promise<ObjectId | undefined>;
  /** Resolves when it would survive a power cut; false, and nothing was published, if another process moved the branch. */
  publish(publication: Publication): Promise<boolean>;
  /** Whether something was published that others do not see yet. */
  readonly hasUnseen: boolean;
  /** Whether what was published has waited long enough for others to see it. */
  readonly isFlushDue: boolean;
  /** Lets others (stock git) see all that was published. Not while something is being published. */
  flush(): Promise<void>;
  close(): void;
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
