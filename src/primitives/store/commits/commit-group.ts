import { ExpectedError } from "../../expected-error.ts";
import { encodeCommit, type Identity } from "../git/commit.ts";
import { type NamedObject, nameObject } from "../git/object.ts";
import type { ObjectId } from "../git/object-id.ts";
import { requireWhole } from "./adopted-commits.ts";
import type { ObjectReader } from "./object-reader.ts";
import { Snapshot } from "./snapshot.ts";
import { type Change, type DirectoryChange, EMPTY_TREE, editTree } from "./tree-edit.ts";

export const SYSTEM_IDENTITY: Identity = { name: "Everlock System", email: "system@everlock" };

/** The content of a commit to be made. */
export interface Draft {
  readonly changes: readonly Change[];
  /** Whole directories that are linked or deleted without a look at their files. */
  readonly directories?: readonly DirectoryChange[];
  readonly author: Identity;
  /** When the author made the content, in seconds since the epoch, if that was before the commit; as in an import. */
  readonly authored?: number | undefined;
  readonly message: string;
}

/** The branch is not where adopted commits were to follow; nothing was changed. */
export class BranchMovedError extends ExpectedError {
  override readonly name = "BranchMovedError";
  override readonly kind = "conflict";
  constructor() {
    super("the branch has moved meanwhile");
  }
}

export type Prepare = (parent: Snapshot) => Promise<Draft> | Draft;

export interface Outcome {
  /** The commit that holds the changes; the unchanged head if nothing changed. */
  readonly commitId: ObjectId | undefined;
  readonly changed: boolean;
}

/** Commits of another store, which the branch is moved to as they are. */
export interface Adoption {
  /** What the store may lack of the new commits. */
  readonly objects: readonly NamedObject[];
  /** The commit that they follow, or take the place of; `undefined`: the store has none yet. */
  readonly expected: ObjectId | undefined;
  readonly next: ObjectId;
  readonly commits: number;
}

/** A requested commit with the promise that its caller awaits. */
export interface PendingCommit {
  /** Without it and `adoption`, nothing is to be committed: the caller waits until what the branch is known to be at is shown. */
  readonly prepare: Prepare | undefined;
  readonly adoption?: Adoption;
  readonly outcome: PromiseWithResolvers<Outcome>;
}

/** Commits built one on the other in memory, not yet visible to readers. */
export class CommitGroup {
  /** The parent state of the first commit. */
  readonly base: Snapshot;
  tip: Snapshot;
  commits = 0;
  /** Of all objects. */
  bytes = 0;
  readonly pending: PendingCommit[] = [];
  readonly changes: Change[] = [];
  /** Whether directories changed, whose files `changes` does not list. */
  changesDirectories = false;
  readonly #objects = new Map<ObjectId, NamedObject>();
  readonly #reader: ObjectReader;
  readonly #resolutions: (() => void)[] = [];

  constructor(head: Snapshot, reader: ObjectReader) {
    this.#reader = reader;
    this.base = head;
    this.tip = head;
  }

  objects(): NamedObject[] {
    return [...this.#objects.values()];
  }

  /** Releases the objects: they are stored, or never will be. */
  discard(): void {
    this.#reader.unstage(this.#objects);
  }

  /** Resolves the promise of each caller with its commit. */
  resolvePending(): void {
    for (const resolve of this.#resolutions) resolve();
  }

  /** Rejects the promises of all callers. */
  rejectPending(error: unknown): void {
    for (const { outcome } of this.pending) outcome.reject(error);
  }

  /** Adds a commit; one that fails does not change the group. */
  async add(pending: PendingCommit): Promise<void> {
    this.pending.push(pending);
    const { prepare, adoption } = pending;
    if (adoption !== undefined) {
      await this.#adopt(adoption, pending.outcome);
      return;
    }
    if (prepare === undefined) {
      this.#resolutions.push(() => pending.outcome.resolve({ commitId: this.tip.commitId, changed: false }));
      return;
    }
    try {
      const made: NamedObject[] = [];
      const draft = await prepare(this.tip);
      const edit = {
        loadTree: this.#reader.tree,
        emit: (object: NamedObject) => made.push(object),
        replaceTree: this.#reader.replaceTree,
      };
      const tree = await editTree(this.tip.tree, draft.changes, edit, draft.directories);
      const changed = tree !== (this.tip.tree ?? EMPTY_TREE.id);
      if (changed) this.#append(draft, tree, made);
      const outcome: Outcome = { commitId: this.tip.commitId, changed };
      this.#resolutions.push(() => pending.outcome.resolve(outcome));
    } catch (error) {
      this.#resolutions.push(() => pending.outcome.reject(error));
    }
  }

  async #adopt(adoption: Adoption, outcome: PendingCommit["outcome"]): Promise<void> {
    const objects = new Map(adoption.objects.map((object) => [object.id, object]));
    this.#reader.stage(objects);
    try {
      if (this.tip.commitId !== adoption.expected) throw new BranchMovedError();
      const tip = new Snapshot(this.#reader, adoption.next, await this.#reader.commit(adoption.next));
      await requireWhole(this.#reader, objects, this.tip, tip);
      for (const [id, object] of objects) {
        this.#objects.set(id, object);
        this.bytes += object.body.length;
      }
      this.#reader.stage(this.#objects);
      this.tip = tip;
      this.commits += adoption.commits;
      this.changesDirectories = true;
      this.#resolutions.push(() => outcome.resolve({ commitId: adoption.next, changed: true }));
    } catch (error) {
      this.#resolutions.push(() => outcome.reject(error));
    } finally {
      this.#reader.unstage(objects);
    }
  }

  #append(draft: Draft, tree: ObjectId, made: readonly NamedObject[]): void {
    const seconds = Math.floor(Date.now() / 1000);
    const body = encodeCommit({
      tree,
      parents: this.tip.commitId ? [this.tip.commitId] : [],
      author: { ...draft.author, seconds: Math.min(draft.authored ?? seconds, seconds) },
      committer: { ...SYSTEM_IDENTITY, seconds },
      message: draft.message,
    });
    const commit = nameObject("commit", body);
    for (const object of [...made, commit]) {
      this.#objects.set(object.id, object);
      this.bytes += object.body.length;
    }
    this.#reader.stage(this.#objects);
    for (const change of draft.changes) this.changes.push(change);
    if (draft.directories) this.changesDirectories = true;
    this.tip = new Snapshot(this.#reader, commit.id, { tree });
    this.commits++;
  }
}
