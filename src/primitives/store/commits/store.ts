import { ExpectedError } from "../../expected-error.ts";
import type { Release } from "../../release.ts";
import type { Branch } from "../engine/branch.ts";
import type { ObjectStore } from "../engine/objects.ts";
import type { Commit, Identity } from "../git/commit.ts";
import type { ObjectId } from "../git/object-id.ts";
import { type Outcome, type Prepare, SYSTEM_IDENTITY } from "./commit-group.ts";
import { CommitWalk } from "./commit-walk.ts";
import { CommitWriter } from "./commit-writer.ts";
import { checkObjects, type ObjectReport } from "./object-check.ts";
import { ObjectReader } from "./object-reader.ts";
import type { Projection } from "./projection.ts";
import { catchUp } from "./projection-catch-up.ts";
import { Snapshot } from "./snapshot.ts";
import type { StorePath } from "./store-path.ts";
import type { Change } from "./tree-edit.ts";
import { type Difference, diffTrees, type ListedFile } from "./tree-walk.ts";

/** Who does something and how it reads in the log. */
export interface CommitMeta {
  readonly author: Identity;
  /** The subject line, then after a blank line whatever else is to be said. */
  readonly message: string;
}

/** What a path must hold at the moment of the commit: these bytes' object id, or nothing. */
export interface Expectation {
  readonly path: StorePath;
  readonly fileId: ObjectId | undefined;
}

/** The store is no longer as the caller last saw it; nothing was changed. */
export class StaleReadError extends ExpectedError {
  override readonly name: string = "StaleReadError";
  override readonly kind = "conflict";
  constructor(path: StorePath) {
    super(`'${path}' has changed meanwhile`);
  }
}

export interface HistoryEntry {
  readonly id: ObjectId;
  readonly commit: Commit;
}

/** What a store is made of. */
export interface StoreParts {
  readonly objects: ObjectStore;
  readonly branch: Branch;
  readonly projection?: Projection | undefined;
  /** Is told how many files the projection has taken in. */
  readonly report?: (files: number) => void;
  /** Aborted when the projection need not be brought up to date any more. */
  readonly signal?: AbortSignal | undefined;
  /** Called before something is written that must work when the storage is full as well. */
  readonly relieve?: () => void;
  /** Keeps all that was published where a backup finds it, until the returned function is called. */
  readonly hold?: () => Promise<Release>;
}

/** Commits read in a walk of the history before others get their turn. */
const COMMITS_PER_TURN = 200;

/** A versioned key-value store of files at relative paths; each write is one Git commit on `main`. */
export class Store {
  readonly name: string;
  readonly #objects: ObjectStore;
  readonly #reader: ObjectReader;
  readonly #writer: CommitWriter;
  readonly #branch: Branch;
  readonly #relieve: () => void;
  readonly #hold: () => Promise<Release>;
  readonly #unwatch: Release;
  #isClosed = false;

  private constructor(
    name: string,
    { objects, branch, relieve = () => undefined, hold = async () => () => undefined }: StoreParts,
    reader: ObjectReader,
    writer: CommitWriter,
  ) {
    this.name = name;
    this.#objects = objects;
    this.#branch = branch;
    this.#relieve = relieve;
    this.#hold = hold;
    this.#reader = reader;
    this.#writer = writer;
    // What can't be followed now is with the next write.
    this.#unwatch = branch.watch(() => void this.follow().catch(() => undefined));
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

  async at(commitId: ObjectId): Promise<Snapshot> {
    return new Snapshot(this.#reader, commitId, await this.#reader.commit(commitId));
  }

  /** The files that differ between two commits; `undefined` stands for the empty store. */
  async *diff(from: ObjectId | undefined, to: ObjectId): AsyncGenerator<Difference> {
    const before = from && (await this.at(from)).tree;
    yield* diffTrees(this.#reader.tree, before, (await this.at(to)).tree);
  }

  /** Whether there is such a commit. */
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

  /** Reads and verifies all that the history refers to, and the files in which it lies. */
  async checkObjects(step: (progress: string) => Promise<boolean> = async () => true): Promise<ObjectReport> {
    const ofContainers = await this.#objects.verify(step);
    // A reader of its own, which has nothing in memory.
    const report = await checkObjects(this.#reader.forWalk(), this.head().commitId, step);
    return { ...report, problems: [...ofContainers, ...report.problems] };
  }

  /** For reading through many commits, beside requests. */
  walk(): CommitWalk {
    return new CommitWalk(this.#reader.forWalk());
  }

  /** Tells `projection` the state at a commit, in place of the newest. */
  async project(projection: Projection, commitId: ObjectId, signal?: AbortSignal): Promise<void> {
    await catchUp(projection, await this.at(commitId), this.#reader, { signal });
  }

  read(path: StorePath): Promise<Uint8Array | undefined> {
    return this.head().read(path);
  }

  async readAt(path: StorePath, commitId: ObjectId): Promise<Uint8Array | undefined> {
    return (await this.at(commitId)).read(path);
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

  /** All changes as one commit, or none of them: `StaleReadError` when an expectation does not hold. */
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
   * Runs `prepare` when its turn has come, on exactly the state that its commit will follow. What it throws refuses the
   * commit. It may be run again when another process moved the branch, so it must have no effects.
   */
  transact(prepare: Prepare): Promise<Outcome> {
    this.#relieve();
    return this.#writer.submit(prepare);
  }

  /** Takes over what another process (stock git) has committed since. */
  async follow(): Promise<void> {
    await this.transact(() => ({ changes: [], author: SYSTEM_IDENTITY, message: "" }));
  }

  /** Commits made since it was opened. */
  get commits(): number {
    return this.#writer.commits;
  }

  /** Changes that wait for their commit. */
  get waiting(): number {
    return this.#writer.waiting;
  }

  /** Keeps all that was published so far where a backup finds it, until the returned function is called. */
  hold(): Promise<Release> {
    return this.#hold();
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Waits for the commits under way, then lets go of the files. */
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
