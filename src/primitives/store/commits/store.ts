import { SharedRun } from "../../jobs/shared-run.ts";
import type { Release } from "../../release.ts";
import type { Branch } from "../engine/branch.ts";
import type { ObjectStore } from "../engine/objects.ts";
import type { Commit, Identity } from "../git/commit.ts";
import type { NamedObject } from "../git/object.ts";
import { NO_COMMIT, type ObjectId } from "../git/object-id.ts";
import { type Adoption, type Outcome, type Prepare, SYSTEM_IDENTITY } from "./commit-group.ts";
import { CommitWalk } from "./commit-walk.ts";
import { CommitWriter } from "./commit-writer.ts";
import { checkObjects, type ObjectReport } from "./object-check.ts";
import { ObjectReader } from "./object-reader.ts";
import type { Projection } from "./projection.ts";
import { catchUp } from "./projection-catch-up.ts";
import { Snapshot } from "./snapshot.ts";
import { StaleReadError, StoreClosedError } from "./store-errors.ts";
import type { StorePath } from "./store-path.ts";
import type { Change } from "./tree-edit.ts";
import { type Difference, diffTrees, type Enters, type ListedFile } from "./tree-walk.ts";

export { StaleReadError, StoreClosedError } from "./store-errors.ts";

/** Author and message of a commit. */
export interface CommitMeta {
  readonly author: Identity;
  /** The subject line, then optionally a blank line and a body. */
  readonly message: string;
}

/** The object id that a path must have at the time of the commit, or none. */
export interface Expectation {
  readonly path: StorePath;
  readonly fileId: ObjectId | undefined;
}

export interface HistoryEntry {
  readonly id: ObjectId;
  readonly commit: Commit;
}

/** The parts of a store. */
export interface StoreParts {
  readonly objects: ObjectStore;
  readonly branch: Branch;
  readonly projection?: Projection | undefined;
  /** Called with the number of files that were applied to the projection. */
  readonly report?: (files: number) => void;
  /** Cancels the catch-up of the projection. */
  readonly signal?: AbortSignal | undefined;
  /** See `CommitStorage`. */
  readonly maxAgeMs?: number;
  /** Called before a write that must succeed even if the storage is full. */
  readonly relieve?: () => void;
  /** Keeps all published objects in place for a backup, until the returned function is called. */
  readonly hold?: () => Promise<Release>;
}

/** Commits read in a walk of the history before the event loop runs once. */
const COMMITS_PER_TURN = 200;

/** A versioned key-value store of files at relative paths; each write is one Git commit on `main`. */
export class Store {
  readonly name: string;
  readonly #objects: ObjectStore;
  readonly #reader: ObjectReader;
  readonly #writer: CommitWriter;
  /** Shared by all who wait for commits of other nodes. */
  readonly #catchingUp = new SharedRun(() => this.#writer.catchUp());
  readonly #branch: Branch;
  readonly #relieve: () => void;
  readonly #hold: () => Promise<Release>;
  readonly #unwatch: Release;
  readonly #maxAgeMs: number;
  /** Brings what the server keeps of this store in memory up to date; only where other nodes change it. */
  catchUp: (() => Promise<void>) | undefined;
  /** When the last refresh that succeeded began (`performance.now()`, ms). */
  #refreshed = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  private constructor(
    name: string,
    {
      objects,
      branch,
      maxAgeMs = 0,
      relieve = () => undefined,
      hold = async () => () => undefined,
    }: StoreParts,
    reader: ObjectReader,
    writer: CommitWriter,
  ) {
    this.name = name;
    this.#objects = objects;
    this.#branch = branch;
    this.#maxAgeMs = maxAgeMs;
    this.#relieve = relieve;
    this.#hold = hold;
    this.#reader = reader;
    this.#writer = writer;
    // If it fails, the next write follows the branch again.
    this.#unwatch = branch.watch(() => void this.#writer.catchUp().catch(() => undefined));
  }

  /** Brings `projection` up to the newest commit before anything can be read. */
  static async open(name: string, parts: StoreParts): Promise<Store> {
    const { objects, branch, projection, report, signal } = parts;
    const reader = new ObjectReader(objects);
    const id = await branch.read();
    const head = new Snapshot(reader, id, id && (await reader.commit(id)));
    if (projection) await catchUp(projection, head, reader, { report, signal });
    const writer = new CommitWriter({ branch, reader, projection, head });
    return new Store(name, parts, reader, writer);
  }

  /** The newest commit's files. */
  head(): Snapshot {
    return this.#writer.head;
  }

  /** The files at a commit; `undefined` or `NO_COMMIT`: the empty store. */
  async at(commitId: ObjectId | undefined): Promise<Snapshot> {
    if (commitId === NO_COMMIT) return this.at(undefined);
    return new Snapshot(this.#reader, commitId, commitId && (await this.#reader.commit(commitId)));
  }

  /** The files that differ between two commits (`undefined`: the empty store), in directories that `enters` accepts. */
  async *diff(
    from: ObjectId | undefined,
    to: ObjectId | undefined,
    enters?: Enters,
  ): AsyncGenerator<Difference> {
    yield* diffTrees(this.#reader.tree, (await this.at(from)).tree, (await this.at(to)).tree, "", enters);
  }

  /** Whether the store has the commit. */
  async has(commitId: ObjectId): Promise<boolean> {
    return (await this.#reader.storedCommit(commitId)) !== undefined;
  }

  /** The files below a directory that differ between two states. */
  async *diffBelow(path: string, from: Snapshot, to: Snapshot): AsyncGenerator<Difference> {
    yield* diffTrees(this.#reader.tree, await from.entryId(path), await to.entryId(path), `${path}/`);
  }

  /** The commit itself. Rejects if it is missing. */
  commitAt(id: ObjectId): Promise<Commit> {
    return this.#reader.commit(id);
  }

  /** Reads and verifies every object that the history refers to, and the files that hold them. */
  async checkObjects(step: (progress: string) => Promise<boolean> = async () => true): Promise<ObjectReport> {
    const ofContainers = await this.#objects.verify(step);
    // A separate reader with an empty cache, so that every object is read.
    const report = await checkObjects(this.#reader.forWalk(), this.head().commitId, step);
    return { ...report, problems: [...ofContainers, ...report.problems] };
  }

  /** Returns a reader of many commits that does not disturb the cache of requests. */
  walk(): CommitWalk {
    return new CommitWalk(this.#reader.forWalk());
  }

  /** Brings `projection` to the state at a commit instead of the newest. */
  async project(projection: Projection, commitId: ObjectId, signal?: AbortSignal): Promise<void> {
    await catchUp(projection, await this.at(commitId), this.#reader, { signal });
  }

  read(path: StorePath): Promise<Uint8Array | undefined> {
    return this.head().read(path);
  }

  /** Every file whose path begins with `prefix`. */
  list(prefix = ""): AsyncGenerator<ListedFile> {
    return this.head().list(prefix);
  }

  /** The commits that changed the file or directory at `path` (all commits without one), newest first. */
  async *history(path?: StorePath): AsyncGenerator<HistoryEntry> {
    let id = this.head().commitId;
    let commit = id && (await this.#reader.commit(id));
    for (let read = 1; id && commit; read++) {
      if (read % COMMITS_PER_TURN === 0) await Bun.sleep(0);
      const parentId: ObjectId | undefined = commit.parents[0];
      const parent: Commit | undefined = parentId && (await this.#reader.commit(parentId));
      if ((await this.#entryId(commit.tree, path)) !== (parent && (await this.#entryId(parent.tree, path)))) {
        yield { id, commit };
      }
      id = parentId;
      commit = parent;
    }
  }

  write(path: StorePath, content: Uint8Array, meta: CommitMeta): Promise<Outcome> {
    return this.commit([{ path, content }], meta);
  }

  delete(path: StorePath, meta: CommitMeta): Promise<Outcome> {
    return this.commit([{ path, content: null }], meta);
  }

  /** Commits all changes or none; rejects with `StaleReadError` if an expectation fails. */
  commit(
    changes: readonly Change[],
    meta: CommitMeta,
    expected: readonly Expectation[] = [],
  ): Promise<Outcome> {
    return this.transact(async (parent) => {
      for (const { path, fileId } of expected) {
        if ((await parent.fileId(path)) !== fileId) throw new StaleReadError(path);
      }
      return { changes, ...meta };
    });
  }

  /**
   * Runs `prepare` on the parent state of its commit, one transaction at a time. An error that it throws refuses the commit.
   * It may run again if another process moved the branch, so it must have no side effects.
   */
  async transact(prepare: Prepare): Promise<Outcome> {
    // A call that waited elsewhere may come after the stop: the branch may be another process's by then.
    if (this.#isClosed) throw new StoreClosedError(this.name);
    this.#relieve();
    return this.#writer.submit(prepare);
  }

  /** Moves the branch to commits of another store. Rejects with `BranchMovedError`, and with `CorruptObjectError` if they are not whole. */
  async adopt(adoption: Adoption): Promise<Outcome> {
    if (this.#isClosed) throw new StoreClosedError(this.name);
    this.#relieve();
    return this.#writer.adopt(adoption);
  }

  /** Stores objects, durably, that commits will refer to which are adopted later. */
  put(objects: readonly NamedObject[]): Promise<void> {
    return this.#objects.put(objects);
  }

  /** `listener` is called after `head` has moved, until the returned function is called. */
  onMoved(listener: () => void): Release {
    return this.#writer.moves.add(listener);
  }

  /** Reads the commits that another process (stock git) or node has made since. */
  async follow(): Promise<void> {
    await this.transact(() => ({ changes: [], author: SYSTEM_IDENTITY, message: "" }));
  }

  /**
   * To be awaited before something is read that other nodes may have changed: resolves when `head` and the projection are as
   * new as the branch was at the call, or as old as the operator allows. `undefined` where no wait is needed.
   */
  refresh(maxAgeMs = this.#maxAgeMs): Promise<void> | undefined {
    const now = performance.now();
    if (maxAgeMs > 0 && now - this.#refreshed < maxAgeMs) return undefined;
    const newest = this.#branch.refresh();
    return newest && this.#reach(newest, now);
  }

  async #reach(newest: Promise<ObjectId | undefined>, began: number): Promise<void> {
    if ((await newest) !== this.head().commitId) await this.#catchingUp.run();
    this.#refreshed = Math.max(this.#refreshed, began);
  }

  /** Commits made since the store was opened. */
  get commits(): number {
    return this.#writer.commits;
  }

  /** Changes that wait to be committed. */
  get waiting(): number {
    return this.#writer.waiting;
  }

  /** Keeps all published objects in place for a backup, until the returned function is called. */
  hold(): Promise<Release> {
    return this.#hold();
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Waits for commits in progress, then closes the files. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#unwatch();
    await this.#writer.drained();
    await this.#branch.close();
    await this.#objects.close();
  }

  async #entryId(tree: ObjectId, path: StorePath | undefined): Promise<ObjectId | undefined> {
    if (!path) return tree;
    let id: ObjectId | undefined = tree;
    for (const component of path.split("/")) id = id && (await this.#reader.tree(id)).get(component)?.id;
    return id;
  }
}
