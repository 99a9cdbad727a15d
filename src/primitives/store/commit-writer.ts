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

/** A group on its way to the disk. */
interface Publication {
  readonly group: CommitGroup;
  /** Never rejects. `moved`: somebody else (stock git) has moved the branch, and nothing was published. */
  readonly outcome: Promise<"published" | "moved" | "failed">;
  isOver: boolean;
}

/**
 * The one writer of a store. While a group of commits is being made durable, the next one is built on it from whatever
 * arrives meanwhile: each job still its own commit, but one pack, one ref update and so one wait for the disk for all.
 */
export class CommitWriter {
  head: Snapshot;
  readonly #objects: ObjectStore;
  readonly #refs: RefStore;
  readonly #reader: ObjectReader;
  readonly #projection: Projection | undefined;
  #queue: Job[] = [];
  #underWay = 0;
  #commits = 0;
  #arrival = Promise.withResolvers<void>();
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
    this.#underWay++;
    const isOver = () => {
      this.#underWay--;
    };
    settle.promise.then(isOver, isOver);
    this.#queue.push({ prepare, settle });
    this.#arrival.resolve();
    this.#running ??= this.#drain().finally(() => {
      this.#running = undefined;
    });
    return settle.promise;
  }

  /** Commits made so far. */
  get commits(): number {
    return this.#commits;
  }

  /** Changes that were submitted and are not yet durable. */
  get waiting(): number {
    return this.#underWay;
  }

  /** Resolves when nothing is waiting any more. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #drain(): Promise<void> {
    // Requests that arrive in the same turn of the event loop belong to the same group.
    await Promise.resolve();
    let before: Publication | undefined;
    for (let attempts = 0; ; ) {
      const group = new CommitGroup(before?.group.tip ?? this.head, this.#reader);
      await this.#fill(group, before);
      const outcome = (await before?.outcome) ?? "published";
      if (outcome === "published") {
        attempts = 0;
        if (group.jobs.length === 0 && this.#queue.length === 0) return;
        before = this.#publish(group);
        continue;
      }
      // What was built on commits that did not come to be is built anew.
      const again = outcome === "moved" ? [...(before?.group.jobs ?? []), ...group.jobs] : group.jobs;
      group.discard();
      before = undefined;
      if (outcome === "moved" && ++attempts > MAX_ATTEMPTS) {
        const error = new Error(`the branch ${MAIN_REF} is locked by another process; no commit can be made`);
        for (const job of again) job.settle.reject(error);
      } else {
        this.#queue = [...again, ...this.#queue];
      }
      await this.#followBranch().catch((error) => {
        for (const job of this.#queue.splice(0)) job.settle.reject(error);
      });
    }
  }

  /** Takes in what is waiting, and what arrives until the group before is over. */
  async #fill(group: CommitGroup, before: Publication | undefined): Promise<void> {
    for (;;) {
      for (let job = this.#queue.shift(); job; job = this.#queue.shift()) {
        await group.add(job);
        if (group.jobs.length >= MAX_GROUP) return;
      }
      if (!before || before.isOver) return;
      this.#arrival = Promise.withResolvers();
      await Promise.race([before.outcome, this.#arrival.promise]);
    }
  }

  #publish(group: CommitGroup): Publication {
    const outcome = this.#makeDurable(group)
      .then((published) => {
        if (published) group.settle();
        return published ? ("published" as const) : ("moved" as const);
      })
      .catch((error) => {
        for (const job of group.jobs) job.settle.reject(error);
        return "failed" as const;
      })
      .finally(() => {
        group.discard();
        publication.isOver = true;
      });
    const publication: Publication = { group, outcome, isOver: false };
    return publication;
  }

  /** False when somebody else (stock git) has moved the branch meanwhile, or is about to. */
  async #makeDurable(group: CommitGroup): Promise<boolean> {
    const { tip } = group;
    // Checked by the swap as well; here it spares writing objects that nothing would refer to.
    if ((await this.#refs.read(MAIN_REF)) !== this.head.commitId) return false;
    if (tip.commitId === undefined || tip.commitId === this.head.commitId) return true;
    // Both are made ready together; the branch moves once the objects are durable.
    const stored = this.#objects.put(group.objects());
    if (!(await this.#refs.compareAndSwap(MAIN_REF, this.head.commitId, tip.commitId, stored))) return false;
    this.head = tip;
    this.#commits += group.commits;
    this.#projection?.apply(group.changes, tip.commitId);
    return true;
  }

  /** Starts again from where the branch is now; after a pause, for whoever holds its lock. */
  async #followBranch(): Promise<void> {
    await Bun.sleep(RETRY_PAUSE_MS);
    const id = await this.#refs.read(MAIN_REF);
    this.head = new Snapshot(this.#reader, id, id && (await this.#reader.commit(id)));
    if (this.#projection) await catchUp(this.#projection, this.head, this.#reader);
  }
}

/** Commits built one on the other in memory, not yet visible to anyone. */
class CommitGroup {
  tip: Snapshot;
  commits = 0;
  readonly jobs: Job[] = [];
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

  /** Lets go of the objects: they are stored by now, or never will be. */
  discard(): void {
    this.#reader.unstage(this.#objects.keys());
  }

  settle(): void {
    for (const settlement of this.#settlements) settlement();
  }

  /** Adds the job's commit; a job that fails leaves no trace in the group. */
  async add(job: Job): Promise<void> {
    this.jobs.push(job);
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
    this.commits++;
  }
}
