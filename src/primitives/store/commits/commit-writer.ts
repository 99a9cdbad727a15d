import { nextTurn } from "../../jobs/next-turn.ts";
import type { Branch } from "../engine/branch.ts";
import { CommitGroup, type Outcome, type PendingCommit, type Prepare } from "./commit-group.ts";
import type { ObjectReader } from "./object-reader.ts";
import type { Projection } from "./projection.ts";
import { catchUp } from "./projection-catch-up.ts";
import { Snapshot } from "./snapshot.ts";

interface WriterOptions {
  readonly branch: Branch;
  readonly reader: ObjectReader;
  readonly projection: Projection | undefined;
  readonly head: Snapshot;
}

/** Commits made durable together at the most; bounds the memory of a group. */
const MAX_GROUP = 256;
/** How often a group is tried again after another process moved the branch, and the pause between (ms). */
const MAX_ATTEMPTS = 100;
const RETRY_PAUSE_MS = 20;
/** How long commits are built before the event loop turns once. */
const TURN_MS = 1;

/** Something that the engine does while a group is filled; `done` never rejects. */
interface EngineWork {
  readonly done: Promise<void>;
  isOver: boolean;
}

function engineWork(done: Promise<void>): EngineWork {
  const work: EngineWork = {
    done: done.finally(() => {
      work.isOver = true;
    }),
    isOver: false,
  };
  return work;
}

/** A group on its way to the branch, and from there to readers. */
interface InFlightGroup extends EngineWork {
  readonly group: CommitGroup;
  /** `moved`: another process (stock git) has moved the branch, and nothing was published. */
  outcome: "published" | "moved" | "failed" | undefined;
  isShown: boolean;
}

/**
 * The one writer of a store on this node. While a group of commits is being made durable, the next one is built on it from
 * whatever arrives meanwhile: each caller still gets a commit of its own, but all of a group are published together and so
 * with one wait for the engine. The engine goes on with the next group before the first is shown to readers, so that neither
 * waits for the other.
 */
export class CommitWriter {
  head: Snapshot;
  readonly #branch: Branch;
  readonly #reader: ObjectReader;
  readonly #projection: Projection | undefined;
  #queue: PendingCommit[] = [];
  #underWay = 0;
  #commits = 0;
  /** Why the projection lacks something that is durable, if it does. */
  #projectionFailure: unknown;
  #arrival = Promise.withResolvers<void>();
  #running: Promise<void> | undefined;

  constructor({ branch, reader, projection, head }: WriterOptions) {
    this.#branch = branch;
    this.#reader = reader;
    this.#projection = projection;
    this.head = head;
  }

  submit(prepare: Prepare): Promise<Outcome> {
    const outcome = Promise.withResolvers<Outcome>();
    this.#underWay++;
    const isOver = () => {
      this.#underWay--;
    };
    outcome.promise.then(isOver, isOver);
    this.#queue.push({ prepare, outcome });
    this.#start();
    return outcome.promise;
  }

  #start(): void {
    this.#arrival.resolve();
    this.#running ??= this.#drain().catch((error) => {
      // A bug, which the callers are told of instead of waiting for ever.
      this.#running = undefined;
      for (const { outcome } of this.#queue.splice(0)) outcome.reject(error);
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

  /** Resolves when no commit is under way any more. */
  async drained(): Promise<void> {
    await this.#running;
  }

  async #drain(): Promise<void> {
    // Requests that arrive in the same turn of the event loop belong to the same group.
    await Promise.resolve();
    let before: InFlightGroup | undefined;
    for (let attempts = 0; ; ) {
      // No new commits that no reader could see.
      while (this.#projectionFailure && !before && this.#queue.length > 0) await this.#startAgain();
      const group = new CommitGroup(before?.group.tip ?? this.head, this.#reader);
      await this.#fill(group, before);
      await before?.done;
      if (before?.outcome === "published") attempts = 0;
      const ready = group.pending.length > 0 ? this.#branch.whenReady() : undefined;
      if (group.pending.length > 0 && ready === undefined && (!before || before.outcome === "published")) {
        const next = this.#publish(group);
        if (before) this.#show(before);
        before = next;
        continue;
      }
      if (before && !this.#show(before)) {
        if (before.outcome === "moved") attempts++;
        await this.#rebuild(before, group, attempts);
        before = undefined;
        continue;
      }
      before = undefined;
      if (ready !== undefined) await this.#fill(group, engineWork(ready));
      if (group.pending.length > 0) before = this.#publish(group);
      else if (this.#queue.length === 0) break;
    }
    // Not a moment later: what arrives from here on needs another run.
    this.#running = undefined;
  }

  /** Adds what is waiting, and what arrives until the engine is done with `work`. */
  async #fill(group: CommitGroup, work: EngineWork | undefined): Promise<void> {
    let turned = performance.now();
    for (;;) {
      for (let next = this.#queue.shift(); next; next = this.#queue.shift()) {
        await group.add(next);
        if (group.pending.length >= MAX_GROUP) return;
        // What the engine has done meanwhile is acknowledged meanwhile.
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

  #publish(group: CommitGroup): InFlightGroup {
    const done = this.#makeDurable(group)
      .then((isPublished) => {
        inFlight.outcome = isPublished ? "published" : "moved";
        // Otherwise once the engine has got the next group.
        if (this.#queue.length > 0) this.#show(inFlight);
      })
      .catch((error) => this.#fail(inFlight, error))
      .finally(() => {
        inFlight.isOver = true;
      });
    const inFlight: InFlightGroup = { group, done, outcome: undefined, isOver: false, isShown: false };
    return inFlight;
  }

  #fail(inFlight: InFlightGroup, error: unknown): void {
    inFlight.outcome = "failed";
    inFlight.group.rejectPending(error);
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
        isFollowed: group.pending.length > 1 || this.#queue.length > 0,
        stored: () => group.discard(),
      });
    } finally {
      // Otherwise they stay readable until they are stored, whatever fails from here on.
      if (!isPublished) group.discard();
    }
    return isPublished;
  }

  /** Lets readers, and the callers, see what is durable; false if that is nothing, or could not be shown. */
  #show(inFlight: InFlightGroup): boolean {
    if (inFlight.isShown || inFlight.outcome !== "published") return inFlight.isShown;
    const { group } = inFlight;
    try {
      if (this.#projectionFailure) throw this.#projectionFailure;
      this.head = group.tip;
      this.#commits += group.commits;
      if (group.commits > 0) this.#projection?.apply(group.changes, group.tip.commitId);
      group.resolvePending();
      inFlight.isShown = true;
    } catch (error) {
      this.#projectionFailure = error;
      this.#fail(inFlight, error);
    }
    return inFlight.isShown;
  }

  /** Has what was built on commits that did not come to be, or that readers can't see, built again. */
  async #rebuild(before: InFlightGroup, group: CommitGroup, attempts: number): Promise<void> {
    const again = before.outcome === "moved" ? [...before.group.pending, ...group.pending] : group.pending;
    group.discard();
    if (attempts > MAX_ATTEMPTS) {
      const error = this.#branch.contended();
      for (const { outcome } of again) outcome.reject(error);
    } else {
      this.#queue = [...again, ...this.#queue];
    }
    await this.#startAgain();
  }

  /** From where the branch is now; the callers are told why that can't be. */
  async #startAgain(): Promise<void> {
    // What arrives from here on is not told of a failure that may have been before it.
    const waiting = this.#queue.splice(0);
    try {
      await this.#followBranch();
      this.#queue = [...waiting, ...this.#queue];
    } catch (error) {
      for (const { outcome } of waiting) outcome.reject(error);
    }
  }

  /** After a pause, for whoever holds its lock. */
  async #followBranch(): Promise<void> {
    await Bun.sleep(RETRY_PAUSE_MS);
    const id = await this.#branch.read();
    // Another process removed it: an empty store is not what was meant, and a collection would take it for the truth.
    if (!id && this.head.commitId) throw this.#branch.lost(this.head.commitId);
    this.head = new Snapshot(this.#reader, id, id && (await this.#reader.commit(id)));
    if (this.#projection) await catchUp(this.#projection, this.head, this.#reader);
    this.#projectionFailure = undefined;
  }
}
