import { nextTurn } from "../../jobs/next-turn.ts";
import type { Branch } from "../engine/branch.ts";
import {
  type Adoption,
  CommitGroup,
  type Outcome,
  type PendingCommit,
  type Prepare,
} from "./commit-group.ts";
import { type EngineWork, engineWork } from "./engine-work.ts";
import { MoveListeners } from "./move-listeners.ts";
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

/** Most commits in a group, and the bytes above which no more are added; they bound its memory and the time of its write. */
const MAX_GROUP = 256;
const MAX_GROUP_BYTES = 8 * 1024 * 1024;
/** How often a group is retried after another process moved the branch, and the pause between attempts (ms). */
const MAX_ATTEMPTS = 100;
const RETRY_PAUSE_MS = 20;
/** Groups that change more files are shown to the projection in pieces, so that the thread is not blocked for seconds. */
const MAX_SHOWN_AT_ONCE = 5000;
/** How long commits are built before the event loop runs once (ms). */
const TURN_MS = 1;

/** A group that is being published or waits to be shown to readers. */
interface InFlightGroup extends EngineWork {
  readonly group: CommitGroup;
  /** `moved`: another process (stock git) has moved the branch, and nothing was published. */
  outcome: "published" | "moved" | "failed" | undefined;
  isShown: boolean;
}

/**
 * The only writer of a store on this node. While one group of commits is made durable, the next group is built on it from
 * the requests that arrive meanwhile. Each caller gets its own commit, but a group is published as a whole, with one wait for
 * the engine. The engine starts the next group before the previous one is shown to readers, so that neither waits for the
 * other.
 */
export class CommitWriter {
  #head: Snapshot;
  /** Of `head`. */
  readonly moves = new MoveListeners();
  readonly #branch: Branch;
  readonly #reader: ObjectReader;
  readonly #projection: Projection | undefined;
  #queue: PendingCommit[] = [];
  /** Submitted changes whose callers still wait, built or not. */
  readonly #unsettled = new Set<PendingCommit>();
  #commits = 0;
  /** The error because of which the projection lacks a durable commit; `undefined`: it lacks none. */
  #projectionFailure: unknown;
  #arrival = Promise.withResolvers<void>();
  #running: Promise<void> | undefined;

  constructor({ branch, reader, projection, head }: WriterOptions) {
    this.#branch = branch;
    this.#reader = reader;
    this.#projection = projection;
    this.#head = head;
  }

  get head(): Snapshot {
    return this.#head;
  }

  #moveHead(head: Snapshot): void {
    if (head.commitId !== this.#head.commitId) this.moves.tell();
    this.#head = head;
  }

  submit(prepare: Prepare): Promise<Outcome> {
    return this.#enqueue({ prepare });
  }

  /** Rejects with `BranchMovedError` if the branch is not where the adopted commits follow. */
  adopt(adoption: Adoption): Promise<Outcome> {
    return this.#enqueue({ prepare: undefined, adoption });
  }

  /** Resolves when the commit that the branch is known to be at is shown to readers. */
  async catchUp(): Promise<void> {
    await this.#enqueue({ prepare: undefined });
  }

  #enqueue(request: Omit<PendingCommit, "outcome">): Promise<Outcome> {
    const outcome = Promise.withResolvers<Outcome>();
    const pending: PendingCommit = { ...request, outcome };
    this.#unsettled.add(pending);
    const isOver = () => {
      this.#unsettled.delete(pending);
    };
    outcome.promise.then(isOver, isOver);
    this.#queue.push(pending);
    this.#start();
    return outcome.promise;
  }

  #start(): void {
    this.#arrival.resolve();
    this.#running ??= this.#drain().catch((error) => {
      // This is a bug: reject the callers instead of letting them wait for ever, also those of groups in progress.
      this.#running = undefined;
      this.#queue = [];
      for (const { outcome } of this.#unsettled) outcome.reject(error);
    });
  }

  /** Commits made so far. */
  get commits(): number {
    return this.#commits;
  }

  /** Submitted changes that are not durable yet. */
  get waiting(): number {
    return this.#unsettled.size;
  }

  /** Resolves when no commit is in progress. */
  async drained(): Promise<void> {
    await this.#running;
  }

  async #drain(): Promise<void> {
    // Requests that arrive in the same turn of the event loop belong to the same group.
    await Promise.resolve();
    let before: InFlightGroup | undefined;
    for (let attempts = 0; ; ) {
      // While the projection fails, readers could not see new commits: recover first.
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
    // Synchronous with the last check of the queue: requests that arrive from here on start another run.
    this.#running = undefined;
  }

  /** Adds the waiting requests, and those that arrive until the engine is done with `work`. */
  async #fill(group: CommitGroup, work: EngineWork | undefined): Promise<void> {
    let turned = performance.now();
    for (;;) {
      for (let next = this.#queue.shift(); next; next = this.#queue.shift()) {
        await group.add(next);
        if (group.pending.length >= MAX_GROUP || group.bytes >= MAX_GROUP_BYTES) return;
        // Lets the event loop acknowledge what the engine has finished meanwhile.
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
        // With an empty queue it is shown after the next group was given to the engine.
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

  /** Resolves with false if another process (stock git) has moved the branch, or is about to. */
  async #makeDurable(group: CommitGroup): Promise<boolean> {
    const { base, tip } = group;
    if (tip.commitId === undefined || tip.commitId === base.commitId) {
      group.discard();
      // A refusal may rest on a state that another node has replaced meanwhile.
      const isRefusal = group.pending.some(({ prepare, adoption }) => (prepare ?? adoption) !== undefined);
      const newest = (isRefusal ? this.#branch.refresh() : undefined) ?? this.#branch.read();
      return (await newest) === base.commitId;
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
      // If published, the objects stay readable from memory until they are stored, even if something fails from here on.
      if (!isPublished) group.discard();
    }
    const isLarge = group.changes.length > MAX_SHOWN_AT_ONCE || group.changesDirectories;
    if (isPublished && isLarge) await this.#projectInPieces(group);
    return isPublished;
  }

  /** The group before has been shown by now: it was, while this one was being published. */
  async #projectInPieces(group: CommitGroup): Promise<void> {
    if (!this.#projection || this.#projectionFailure) return;
    try {
      await catchUp(this.#projection, group.tip, this.#reader);
      group.changes.length = 0;
    } catch (error) {
      this.#projectionFailure = error;
    }
  }

  /** Shows a durable group to readers and callers; false if it is not durable or could not be shown. */
  #show(inFlight: InFlightGroup): boolean {
    if (inFlight.isShown || inFlight.outcome !== "published") return inFlight.isShown;
    const { group } = inFlight;
    try {
      if (this.#projectionFailure) throw this.#projectionFailure;
      this.#moveHead(group.tip);
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

  /** Rebuilds a group whose base was not published, or can't be shown to readers. */
  async #rebuild(before: InFlightGroup, group: CommitGroup, attempts: number): Promise<void> {
    const again = before.outcome === "moved" ? [...before.group.pending, ...group.pending] : group.pending;
    group.discard();
    if (attempts > MAX_ATTEMPTS) {
      const error = this.#branch.contended();
      for (const { outcome } of again) outcome.reject(error);
    } else {
      this.#queue = [...again, ...this.#queue];
    }
    // Where another node moved it, nothing is in the way of the first attempt.
    await this.#startAgain(before.outcome !== "moved" || attempts > 1);
  }

  /** Restarts from the current branch, if need be after a pause for the process that holds its lock; if that fails, rejects the waiting callers. */
  async #startAgain(pauses = true): Promise<void> {
    // Requests that arrive from here on must not be rejected with an earlier failure.
    const waiting = this.#queue.splice(0);
    try {
      if (pauses) await Bun.sleep(RETRY_PAUSE_MS);
      await this.#followBranch();
      this.#queue = [...waiting, ...this.#queue];
    } catch (error) {
      for (const { outcome } of waiting) outcome.reject(error);
    }
  }

  /** Reads the branch again. */
  async #followBranch(): Promise<void> {
    const id = await this.#branch.read();
    // Another process removed the branch: treating the store as empty would let garbage collection remove everything.
    if (!id && this.head.commitId) throw this.#branch.lost(this.head.commitId);
    const head = new Snapshot(this.#reader, id, id && (await this.#reader.commit(id)));
    if (this.#projection) await catchUp(this.#projection, head, this.#reader);
    // Not before: who waits for a refresh takes a head that is new enough for a projection that is.
    this.#moveHead(head);
    this.#projectionFailure = undefined;
  }
}
