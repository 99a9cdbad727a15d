import type { Release } from "../../release.ts";
import type { NamedObject } from "../git/object.ts";
import type { ObjectId } from "../git/object-id.ts";

/** A move of the branch over new commits, with all that they consist of. */
export interface BranchMove {
  readonly objects: readonly NamedObject[];
  /** The commit at which the branch must still be; `undefined`: the branch must not exist yet. */
  readonly expected: ObjectId | undefined;
  readonly next: ObjectId;
  /** Whether more moves will follow at once, so that what takes long can be done for all of them together. */
  readonly isFollowed: boolean;
  /** Called when the objects are in the object store, which may be later than they are durable. */
  stored(): void;
}

/** The branch of a store. Each node has one writer, which publishes one move at a time. */
export interface Branch {
  /** The newest commit that was published, as far as this node knows; see `refresh`. */
  read(): Promise<ObjectId | undefined>;
  /**
   * Where other nodes move the branch: resolves with the commit that was the newest at the call or later, which `read` then
   * knows. `undefined` where no other node can; stock git on this machine does not count.
   */
  refresh(): Promise<ObjectId | undefined> | undefined;
  /**
   * Compare-and-swap: resolves when the move would survive a power cut; false, and nothing was published, if the branch is
   * no longer at `expected` or another process is about to move it.
   */
  publish(move: BranchMove): Promise<boolean>;
  /**
   * Resolves (it never rejects) when the next move can be published without waiting for the engine's own work; `undefined`
   * if it can be now. The writer goes on collecting commits until then.
   */
  whenReady(): Promise<void> | undefined;
  /** `moved` is called after another node has moved the branch, until the returned function is called. */
  watch(moved: () => void): Release;
  /** The error for a writer whose moves were refused again and again. */
  contended(): Error;
  /** The error for a branch that is gone, although `newest` was published. */
  lost(newest: ObjectId): Error;
  /** Resolves when what was published is in the object store, as far as that is possible now. May be called again. */
  close(): Promise<void>;
}
