import { CommitGroup, type Job, type Outcome, type Prepare } from "./commit-group.ts";
import { MAIN_REF } from "./git/repository.ts";
import type { ObjectReader } from "./object-reader.ts";
import type { Branch } from "./objects.ts";
import type { Projection } from "./projection.ts";
import { catchUp } from "./projection-catch-up.ts";
import { Snapshot } from "./snapshot.ts";

interface WriterOptions {
  readonly branch: Branch;
  readonly reader: ObjectReader;
  readonly projection: Projection | undefined;
  readonly head: Snapshot;
  /** Hears why commits that are durable could not be shown to others. */
  readonly flushFailed: (error: unknown) => void;
}

/** Commits made durable together at the most; bounds the memory of a group. */
const MAX_GROUP = 256;
/** How often a group is tried again after somebody else moved the branch, and the pause between (ms). */
const MAX_ATTEMPTS = 100;
const RETRY_PAUSE_MS = 20;
/** How long nothing has to come for the writer to count as idle. */
const IDLE_MS = 5;
/** How long commits are built before the event loop turns once. */
const TURN_MS = 1;
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A group on its way to the disk. */
interface Publication {
  readonly group: CommitGroup;
  /** Never rejects. `moved`: somebody else (stock git) has moved the branch, and nothing was published. */
  readonly outcome: Promise<"published" | "moved" | "failed">;
  isOver: boolean;
}

/**
 * The one writer of a store. While a group of commits is being made durable, the next one is built on it from whatever
 * arrives meanwhile: each job still its own commit, but all of them published together and so with one wait for the disk.
 */
export class CommitWriter {
  head: Snapshot;
  readonly #branch: Branch;
  readonly #reader: ObjectReader;
  readonly #projection: Projection | undefined;
  #queue: Job[] = [];
  #underWay = 0;
  #commits = 0;
  #arrival = Promise.withResolvers<void>();
  #running: Promise<void> | undefined;
  /** Who waits for all that was published to be seen by others. */
  readonly #settling: PromiseWithResolvers<void>[] = [];
  readonly #flushFailed: (error: unknown) => void;

  constructor({ branch, reader, projection, head, flushFailed }: WriterOptions) {
    this.#flushFailed = flushFailed;
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
    this.#running ??= this.#drain().finally(() => {
      this.#running = undefined;
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
    const settling = Promise.withResolvers<void>();
    this.#settling.push(settling);
    this.#start();
    return settling.promise;
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
        const isIdle = group.jobs.length === 0 && (await this.#staysIdle());
        if (isIdle || this.#branch.isFlushDue || this.#settling.length > 0) await this.#flush();
        if (group.jobs.length > 0 || this.#queue.length > 0) before = this.#publish(group);
        else if (this.#settling.length === 0) return;
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

  /** Clients that push one thing after the other come back at once; until then, nothing needs to be shown to others. */
  async #staysIdle(): Promise<boolean> {
    if (this.#queue.length > 0 || !this.#branch.hasUnseen) return this.#queue.length === 0;
    this.#arrival = Promise.withResolvers();
    await Promise.race([this.#arrival.promise, Bun.sleep(IDLE_MS)]);
    return this.#queue.length === 0;
  }

  /** Takes in what is waiting, and what arrives until the group before is over. */
  async #fill(group: CommitGroup, before: Publication | undefined): Promise<void> {
    let turned = performance.now();
    for (;;) {
      for (let job = this.#queue.shift(); job; job = this.#queue.shift()) {
        await group.add(job);
        if (group.jobs.length >= MAX_GROUP) return;
        // What the disk has done meanwhile is acknowledged meanwhile.
        if (before && !before.isOver && performance.now() - turned > TURN_MS) {
          await turn();
          turned = performance.now();
        }
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
        publication.isOver = true;
      });
    const publication: Publication = { group, outcome, isOver: false };
    return publication;
  }

  /** False when somebody else (stock git) has moved the branch meanwhile, or is about to. */
  async #makeDurable(group: CommitGroup): Promise<boolean> {
    const { tip } = group;
    const expected = this.head.commitId;
    if (tip.commitId === undefined || tip.commitId === expected) {
      group.discard();
      return (await this.#branch.read()) === expected;
    }
    let isPublished = false;
    try {
      isPublished = await this.#branch.publish({
        objects: group.objects(),
        expected,
        next: tip.commitId,
        isFollowed: group.jobs.length > 1 || this.#queue.length > 0,
        stored: () => group.discard(),
      });
    } finally {
      // Otherwise they stay readable until they are stored, whatever fails from here on.
      if (!isPublished) group.discard();
    }
    if (!isPublished) return false;
    this.head = tip;
    this.#commits += group.commits;
    this.#projection?.apply(group.changes, tip.commitId);
    return true;
  }

  /** What can't be shown to others yet stays durable and known to us; it is tried again with the next commits. */
  async #flush(): Promise<void> {
    const settling = this.#settling.splice(0);
    try {
      await this.#branch.flush();
      for (const { resolve } of settling) resolve();
    } catch (error) {
      if (settling.length === 0) this.#flushFailed(error);
      for (const { reject } of settling) reject(error);
    }
  }

  /** Starts again from where the branch is now; after a pause, for whoever holds its lock. */
  async #followBranch(): Promise<void> {
    await Bun.sleep(RETRY_PAUSE_MS);
    const id = await this.#branch.read();
    this.head = new Snapshot(this.#reader, id, id && (await this.#reader.commit(id)));
    if (this.#projection) await catchUp(this.#projection, this.head, this.#reader);
  }
}
