import { encodeCommit, type Identity } from "./git/commit.ts";
import { type NamedObject, nameObject } from "./git/object.ts";
import type { ObjectId } from "./git/object-id.ts";
import { MAIN_REF } from "./git/repository.ts";
import type { ObjectReader } from "./object-reader.ts";
import type { ObjectStore, RefStore } from "./objects.ts";
import type { Projection } from "./projection.ts";
import { catchUp } from "./projection-catch-up.ts";
import { Snapshot } from "./snapshot.ts";
import { type Change, EMPTY_TREE, editTree } from "./tree-edit.ts";

export const SYSTEM_IDENTITY: Identity = { name: "Everlock System", email: "system@everlock" };

/** One commit to be. */
export interface Draft {
  readonly changes: readonly Change[];
  readonly author: Identity;
  readonly message: string;
}

export type Prepare = (parent: Snapshot) => Promise<Draft> | Draft;

export interface Outcome {
  /** The commit that holds the changes; the unchanged head when there was nothing to change. */
  readonly commitId: ObjectId | undefined;
  readonly changed: boolean;
}

interface Job {
  readonly prepare: Prepare;
  readonly settle: PromiseWithResolvers<Outcome>;
}

interface WriterOptions {
  readonly objects: ObjectStore;
  readonly refs: RefStore;
  readonly reader: ObjectReader;
  readonly projection: Projection | undefined;
  readonly head: Snapshot;
}

/** Commits made durable together at the most; bounds the memory of a group. */
const MAX_GROUP = 256;
/** How often a group is tried again after somebody else moved the branch, and the pause between (ms). */
const MAX_ATTEMPTS = 100;
const RETRY_PAUSE_MS = 20;

/**
 * The one writer of a store. Whatever arrives while a group is being made durable forms the next group: each still its
 * own commit, but one pack, one ref update and so one wait for the disk for all.
 */
export class CommitWriter {
  head: Snapshot;
  readonly #objects: ObjectStore;
  readonly #refs: RefStore;
  readonly #reader: ObjectReader;
  readonly #projection: Projection | undefined;
  #queue: Job[] = [];
  #running: Promise<void> | undefined;

  constructor({ objects, refs, reader, projection, head }: WriterOptions) {
    this.#objects = objects;
    this.#refs = refs;
    this.#reader = reader;
    this.#projection = projection;
    this.head = head;
  }

  submit(prepare: Prepare): Promise<Outcome> {
    const settle = Promise.withResolvers<Outcome>();
    this.#queue.push({ prepare, settle });
    this.#running ??= this.#drain().finally(() => {
      this.#running = undefined;
    });
    return settle.promise;
  }

  /** Resolves when nothing is waiting any more. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #drain(): Promise<void> {
    // Requests that arrive in the same turn of the event loop belong to the same group.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const jobs = this.#queue.slice(0, MAX_GROUP);
      this.#queue = this.#queue.slice(MAX_GROUP);
      try {
        await this.#commitGroup(jobs);
      } catch (error) {
        for (const job of jobs) job.settle.reject(error);
      }
    }
  }

  async #commitGroup(jobs: readonly Job[]): Promise<void> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      if (this.#projection) await catchUp(this.#projection, this.head, this.#reader);
      const group = new CommitGroup(this.head, this.#reader);
      for (const job of jobs) await group.add(job);
      const published = await this.#publish(group).finally(() => this.#reader.unstage());
      if (published) {
        group.settle();
        return;
      }
      await Bun.sleep(RETRY_PAUSE_MS);
      const id = await this.#refs.read(MAIN_REF);
      this.head = new Snapshot(this.#reader, id, id && (await this.#reader.commit(id)));
    }
    throw new Error(`the branch ${MAIN_REF} is locked by another process; no commit can be made`);
  }

  /** False when somebody else (stock git) has moved the branch meanwhile, or is about to. */
  async #publish(group: CommitGroup): Promise<boolean> {
    const { tip } = group;
    if (tip.commitId === undefined || tip.commitId === this.head.commitId) return true;
    // Checked by the swap as well; here it spares writing objects that nothing would refer to.
    if ((await this.#refs.read(MAIN_REF)) !== this.head.commitId) return false;
    // Both are made ready together; the branch moves once the objects are durable.
    const stored = this.#objects.put(group.objects());
    if (!(await this.#refs.compareAndSwap(MAIN_REF, this.head.commitId, tip.commitId, stored))) return false;
    this.head = tip;
    this.#projection?.apply(group.changes, tip.commitId);
    return true;
  }
}

/** Commits built one on the other in memory, not yet visible to anyone. */
class CommitGroup {
  tip: Snapshot;
  readonly changes: Change[] = [];
  readonly #objects = new Map<ObjectId, NamedObject>();
  readonly #reader: ObjectReader;
  readonly #settlements: (() => void)[] = [];

  constructor(head: Snapshot, reader: ObjectReader) {
    this.#reader = reader;
    this.tip = head;
  }

  objects(): NamedObject[] {
    return [...this.#objects.values()];
  }

  settle(): void {
    for (const settlement of this.#settlements) settlement();
  }

  /** Adds the job's commit; a job that fails leaves no trace in the group. */
  async add(job: Job): Promise<void> {
    try {
      const made: NamedObject[] = [];
      const draft = await job.prepare(this.tip);
      const tree = await editTree(this.tip.tree, draft.changes, {
        loadTree: this.#reader.tree,
        emit: (object) => made.push(object),
        replaceTree: this.#reader.replaceTree,
      });
      const changed = tree !== (this.tip.tree ?? EMPTY_TREE.id);
      if (changed) this.#append(draft, tree, made);
      const outcome: Outcome = { commitId: this.tip.commitId, changed };
      this.#settlements.push(() => job.settle.resolve(outcome));
    } catch (error) {
      this.#settlements.push(() => job.settle.reject(error));
    }
  }

  #append(draft: Draft, tree: ObjectId, made: readonly NamedObject[]): void {
    const seconds = Math.floor(Date.now() / 1000);
    const body = encodeCommit({
      tree,
      parents: this.tip.commitId ? [this.tip.commitId] : [],
      author: { ...draft.author, seconds },
      committer: { ...SYSTEM_IDENTITY, seconds },
      message: draft.message,
    });
    const commit = nameObject("commit", body);
    for (const object of [...made, commit]) {
      this.#objects.set(object.id, object);
      this.#reader.stage(object);
    }
    for (const change of draft.changes) this.changes.push(change);
    this.tip = new Snapshot(this.#reader, commit.id, { tree });
  }
}
