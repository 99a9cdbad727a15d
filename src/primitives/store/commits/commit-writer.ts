import { BranchLockedError } from "../../fs/storage-trouble.ts";
import { nextTurn } from "../../jobs/next-turn.ts";
import { BranchFlush, type DiskWork } from "../engine/local/branch-flush.ts";
import { MAIN_REF } from "../engine/local/repository.ts";
import type { Branch } from "../engine/objects.ts";
import { CorruptObjectError } from "../git/object.ts";
import type { ObjectId } from "../git/object-id.ts";
import { CommitGroup, type Job, type Outcome, type Prepare } from "./commit-group.ts";
import type { ObjectReader } from "./object-reader.ts";
import type { Projection } from "./projection.ts";
import { catchUp } from "./projection-catch-up.ts";
import { Snapshot } from "./snapshot.ts";

interface WriterOptions {
  readonly branch: Branch;
  readonly reader: ObjectReader;
  readonly projection: Projection | undefined;
  readonly head: Snapshot;
  /** Is told why commits that are durable could not be shown to others. */
  readonly flushFailed: (error: unknown) => void;
}

/** Commits made durable together at the most; bounds the memory of a group. */
const MAX_GROUP = 256;
/** How often a group is tried again after another process moved the branch, and the pause between (ms). */
const MAX_ATTEMPTS = 100;
const RETRY_PAUSE_MS = 20;
/** How long nothing has to come for the writer to count as idle. */
const IDLE_MS = 5;
/** How long commits are built before the event loop turns once. */
const TURN_MS = 1;

/** A group on its way to the disk, and from there to readers. */
interface Publication extends DiskWork {
  readonly group: CommitGroup;
  /** `moved`: another process (stock git) has moved the branch, and nothing was published. */
  outcome: "published" | "moved" | "failed" | undefined;
  isShown: boolean;
}

/**
 * The one writer of a store. While a group of commits is being made durable, the next one is built on it from whatever
 * arrives meanwhile: each job still its own commit, but all of them published together and so with one wait for the disk.
 * The disk goes on with that one before the first is shown to readers, so that neither waits for the other.
 */
export class CommitWriter {
  head: Snapshot;
  readonly #branch: Branch;
  readonly #reader: ObjectReader;
  readonly #projection: Projection | undefined;
  #queue: Job[] = [];
  #underWay = 0;
  #commits = 0;
  /** Why the projection lacks something that is durable, if it does. */
  #projectionFailure: unknown;
  #arrival = Promise.withResolvers<void>();
  #running: Promise<void> | undefined;
  readonly #flush: BranchFlush;

  constructor({ branch, reader, projection, head, flushFailed }: WriterOptions) {
    this.#flush = new BranchFlush(branch, flushFailed, () => this.#start());
    this.#branch = branch;
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
    this.#start();
    return settle.promise;
  }

  #start(): void {
    this.#arrival.resolve();
    this.#running ??= this.#drain().catch((error) => {
      // A mistake of ours, which is to be told to whoever waits instead of keeping everybody waiting.
      this.#running = undefined;
      for (const job of this.#queue.splice(0)) job.settle.reject(error);
    });
  }

  /** Commits made so far. */
  get commits(): number {
    return this.#commits;
  }

  /** Changes that were submitted and are not yet durable. */
  get waiting(): number {
    return this.#underWay;
  }

  /** Resolves when stock git sees all that was published before. */
  settle(): Promise<void> {
    return this.#flush.settle();
  }

  /** Resolves when nothing is waiting any more; nothing may be submitted from then on. */
  async close(): Promise<void> {
    await this.#running;
    this.#flush.close();
  }

  async #drain(): Promise<void> {
    // Requests that arrive in the same turn of the event loop belong to the same group.
    await Promise.resolve();
    let before: Publication | undefined;
    for (let attempts = 0; ; ) {
      // No new commits that nobody could see.
      while (this.#projectionFailure && !before && this.#queue.length > 0) await this.#startAgain();
      const group = new CommitGroup(before?.group.tip ?? this.head, this.#reader);
      await this.#fill(group, before);
      await before?.done;
      if (before?.outcome === "published") attempts = 0;
      const isFlushDue = this.#flush.isDue;
      if (group.jobs.length > 0 && !isFlushDue && (!before || before.outcome === "published")) {
        const next = this.#publish(group);
        if (before) this.#show(before);
        before = next;
        continue;
      }
      if (before && !this.#show(before)) {
        if (before.outcome === "moved") attempts++;
        await this.#buildAnew(before, group, attempts);
        before = undefined;
        continue;
      }
      before = undefined;
      const isIdle = group.jobs.length === 0 && (await this.#staysIdle());
      if (isIdle || isFlushDue) await this.#fill(group, this.#flush.start());
      if (group.jobs.length > 0) before = this.#publish(group);
      else if (this.#queue.length === 0 && !this.#flush.isAwaited) break;
    }
    // Not a moment later: what arrives from here on needs another run.
    this.#running = undefined;
  }

  /** Clients that push one thing after the other come back at once; until then, nothing needs to be shown to others. */
  async #staysIdle(): Promise<boolean> {
    if (this.#queue.length > 0 || !this.#branch.hasUnseen) return this.#queue.length === 0;
    this.#arrival = Promise.withResolvers();
    await Promise.race([this.#arrival.promise, Bun.sleep(IDLE_MS)]);
    return this.#queue.length === 0;
  }

  /** Takes in what is waiting, and what arrives until the disk is done with `work`. */
  async #fill(group: CommitGroup, work: DiskWork | undefined): Promise<void> {
    let turned = performance.now();
    for (;;) {
      for (let job = this.#queue.shift(); job; job = this.#queue.shift()) {
        await group.add(job);
        if (group.jobs.length >= MAX_GROUP) return;
        // What the disk has done meanwhile is acknowledged meanwhile.
        if (work && !work.isOver && performance.now() - turned > TURN_MS) {
          await nextTurn();
          turned = performance.now();
        }
      }
      if (!work || work.isOver) return;
      this.#arrival = Promise.withResolvers();
      await Promise.race([work.done, this.#arrival.promise]);
    }
  }

  #publish(group: CommitGroup): Publication {
    const done = this.#makeDurable(group)
      .then((isPublished) => {
        publication.outcome = isPublished ? "published" : "moved";
        // Otherwise once the disk has got the next group.
        if (this.#queue.length > 0) this.#show(publication);
      })
      .catch((error) => this.#fail(publication, error))
      .finally(() => {
        publication.isOver = true;
      });
    const publication: Publication = { group, done, outcome: undefined, isOver: false, isShown: false };
    return publication;
  }

  #fail(publication: Publication, error: unknown): void {
    publication.outcome = "failed";
    for (const job of publication.group.jobs) job.settle.reject(error);
  }

  /** False when another process (stock git) has moved the branch meanwhile, or is about to. */
  async #makeDurable(group: CommitGroup): Promise<boolean> {
    const { base, tip } = group;
    if (tip.commitId === undefined || tip.commitId === base.commitId) {
      group.discard();
      return (await this.#branch.read()) === base.commitId;
    }
    let isPublished = false;
    try {
      isPublished = await this.#branch.publish({
        objects: group.objects(),
        expected: base.commitId,
        next: tip.commitId,
        isFollowed: group.jobs.length > 1 || this.#queue.length > 0,
        stored: () => group.discard(),
      });
    } finally {
      // Otherwise they stay readable until they are stored, whatever fails from here on.
      if (!isPublished) group.discard();
    }
    return isPublished;
  }

  /** Lets readers, and those who wait for it, see what is durable; false if that is nothing, or could not be shown. */
  #show(publication: Publication): boolean {
    if (publication.isShown || publication.outcome !== "published") return publication.isShown;
    const { group } = publication;
    try {
      if (this.#projectionFailure) throw this.#projectionFailure;
      this.head = group.tip;
      this.#commits += group.commits;
      if (group.commits > 0) this.#projection?.apply(group.changes, group.tip.commitId);
      group.settle();
      publication.isShown = true;
    } catch (error) {
      this.#projectionFailure = error;
      this.#fail(publication, error);
    }
    return publication.isShown;
  }

  /** What was built on commits that did not come to be, or not to be seen, is built again. */
  async #buildAnew(before: Publication, group: CommitGroup, attempts: number): Promise<void> {
    const again = before.outcome === "moved" ? [...before.group.jobs, ...group.jobs] : group.jobs;
    group.discard();
    if (attempts > MAX_ATTEMPTS) {
      const error = new BranchLockedError(MAIN_REF);
      for (const job of again) job.settle.reject(error);
    } else {
      this.#queue = [...again, ...this.#queue];
    }
    await this.#startAgain();
  }

  /** From where the branch is now; whoever waits is told why that can't be. */
  async #startAgain(): Promise<void> {
    // What arrives from here on is not told of a failure that may have been before it.
    const waiting = this.#queue.splice(0);
    try {
      await this.#followBranch();
      this.#queue = [...waiting, ...this.#queue];
    } catch (error) {
      for (const job of waiting) job.settle.reject(error);
    }
  }

  /** After a pause, for whoever holds its lock. */
  async #followBranch(): Promise<void> {
    await Bun.sleep(RETRY_PAUSE_MS);
    const id = await this.#branch.read();
    // Another process removed it: an empty store is not what was meant, and a collection would take it for the truth.
    if (!id && this.head.commitId) throw lostBranch(this.head.commitId);
    this.head = new Snapshot(this.#reader, id, id && (await this.#reader.commit(id)));
    if (this.#projection) await catchUp(this.#projection, this.head, this.#reader);
    this.#projectionFailure = undefined;
  }
}

function lostBranch(newest: ObjectId): CorruptObjectError {
  return new CorruptObjectError(
    `the branch ${MAIN_REF}`,
    `it is gone; 'git update-ref ${MAIN_REF} ${newest}' puts it back`,
  );
}
