import type { Release } from "../../../../release.ts";
import type { S3Bucket } from "../../../../s3/s3-bucket.ts";
import type { GitObject } from "../../../git/object.ts";
import type { ObjectId } from "../../../git/object-id.ts";
import type { BranchMove } from "../../branch.ts";
import { type Checkpoint, EMPTY_CHECKPOINT } from "./checkpoint.ts";
import { CheckpointObject } from "./checkpoint-object.ts";
import { IndexCopies } from "./index-copies.ts";
import { LogAppender } from "./log-appender.ts";
import { type LogClock, systemClock } from "./log-clock.ts";
import type { LogEntry, S3LogRecord } from "./log-entry.ts";
import { LogKeys } from "./log-keys.ts";
import { isWorthMerging, type MergeReport, mergeEntries, type UnmergedEntries } from "./log-merge.ts";
import { LogTail } from "./log-tail.ts";
import { trimLog } from "./log-trimming.ts";
import { lasting, PackGoneError } from "./pack-pieces.ts";
import { PackedObjects } from "./packed-objects.ts";
import { type RecordProjection, RecordReplay } from "./record-replay.ts";
import { RecordSegments } from "./record-segments.ts";
import { Turns } from "./turns.ts";
import { UnmergedObjects } from "./unmerged-objects.ts";

export interface StoreLogOptions {
  /** Names this process among the nodes. */
  readonly node: string;
  /** A directory for caches, which may be lost at any moment. */
  readonly localDir: string;
  readonly clock?: LogClock;
}

/** How many races in a row a node loses before it asks for a turn. */
const LOSSES_BEFORE_TURN = 2;
/** Entries after which a node looks whether another one has merged them. */
const ADOPTED_ENTRIES = 1024;

/**
 * The commits and records of a store: numbered objects, each with a group of commits or records. All nodes read them in
 * the order of their numbers, so that all have the same history. One for each open store and node.
 */
export class StoreLog {
  readonly #bucket: S3Bucket;
  readonly #keys: LogKeys;
  readonly #clock: LogClock;
  readonly #unmerged: UnmergedObjects;
  readonly #packed: PackedObjects;
  readonly #segments: RecordSegments;
  readonly #object: CheckpointObject;
  readonly #copies: IndexCopies;
  readonly #replay: RecordReplay;
  readonly #tail: LogTail<Checkpoint>;
  readonly #turns: Turns;
  readonly #appender: LogAppender;
  readonly #moveListeners = new Set<() => void>();
  #checkpoint: Checkpoint = EMPTY_CHECKPOINT;
  #adopting: Promise<void> | undefined;
  /** When the first entry after the checkpoint was read, by the monotonic clock. */
  #firstUnmerged: number | undefined;
  #losses = 0;

  private constructor(
    bucket: S3Bucket,
    store: string,
    { node, localDir, clock = systemClock }: StoreLogOptions,
  ) {
    const keys = new LogKeys(store);
    [this.#bucket, this.#keys, this.#clock] = [bucket, keys, clock];
    this.#unmerged = new UnmergedObjects((number) => this.#tail.read(number));
    this.#packed = new PackedObjects(bucket, keys, localDir);
    this.#segments = new RecordSegments(bucket, keys);
    this.#object = new CheckpointObject(bucket, keys.checkpoint);
    this.#copies = new IndexCopies(bucket, keys, this.#object);
    this.#replay = new RecordReplay({
      segments: this.#segments,
      checkpoint: () => this.#checkpoint,
      last: () => this.last,
      adopt: () => this.#adoptNewest(),
    });
    this.#tail = new LogTail({
      bucket,
      keys,
      clock,
      applied: (number, entry) => this.#applied(number, entry),
      checkpoint: async () => (await this.#object.read()).checkpoint,
      jumped: (checkpoint) => this.#jumped(checkpoint),
    });
    this.#turns = new Turns({ bucket, prefix: keys.turns, node, now: () => clock().monotonic });
    this.#appender = new LogAppender({ bucket, keys, clock, node, tail: this.#tail, turns: this.#turns });
  }

  /** Reads the newest checkpoint and the entries after it. */
  static async open(bucket: S3Bucket, store: string, options: StoreLogOptions): Promise<StoreLog> {
    const log = new StoreLog(bucket, store, options);
    await log.refresh();
    return log;
  }

  /** Where the branch is, as far as this node has read. */
  get head(): ObjectId | undefined {
    return this.#tail.head;
  }

  /** The number of the newest entry that this node has read; 0 if there is none. */
  get last(): number {
    return this.#tail.last;
  }

  /** Milliseconds since this node last saw the end of the log. */
  get msBehind(): number {
    return this.#tail.msBehind;
  }

  /** Reads an entry; `undefined` if there is none, or it was merged and removed. */
  entry(number: number): Promise<LogEntry | undefined> {
    return this.#tail.read(number);
  }

  /** Sees all entries that existed when it was called. Requests are shared by callers. */
  refresh(): Promise<void> {
    return this.#tail.refresh();
  }

  /** Compare-and-swap of the branch; false if it moved. Records that wait go along. One at a time. */
  async publish(move: BranchMove): Promise<boolean> {
    const isPublished = this.head === move.expected && (await this.#appender.move(move));
    this.#losses = isPublished ? 0 : this.#losses + 1;
    if (this.#losses >= LOSSES_BEFORE_TURN) this.#turns.ask(this.last);
    return isPublished;
  }

  /** Resolves when the records are durable and applied on this node: grouped with others, with commits on their way, or alone. */
  record(records: readonly S3LogRecord[]): Promise<void> {
    return this.#appender.add({ records });
  }

  /** Resolves when the objects are durable. */
  async put(objects: BranchMove["objects"]): Promise<void> {
    if (objects.length > 0) await this.#appender.add({ objects });
  }

  async get(id: ObjectId): Promise<GitObject | undefined> {
    return (await this.#unmerged.get(id)) ?? this.#seekPacked(id, () => this.#packed.get(id));
  }

  async has(id: ObjectId): Promise<boolean> {
    return (
      this.#unmerged.has(id) ||
      (await this.#seekPacked(id, async () => (await this.#packed.has(id)) || undefined)) === true
    );
  }

  /** See `ObjectStore.list`. */
  list(): AsyncIterable<readonly ObjectId[]> {
    return this.#packed.idPages(this.#unmerged.ids());
  }

  /** What is wrong with the packs, a line each; see `ObjectStore.verify`. */
  async verify(step: (progress: string) => Promise<boolean>): Promise<readonly string[]> {
    await this.#adoptNewest();
    return this.#packed.verify(step);
  }

  /**
   * Hands all records after entry `after` to `follower`, then those of all new entries in the order of the log, own ones too,
   * before `record` and `refresh` resolve. If it throws, the entry does not count as read, and comes again.
   */
  followRecords(after: number, follower: RecordProjection): Promise<Release> {
    return this.#replay.follow(after, follower);
  }

  /** `listener` is called when this node has read that another one moved the branch. */
  onMoved(listener: () => void): Release {
    this.#moveListeners.add(listener);
    return () => this.#moveListeners.delete(listener);
  }

  /** What is not merged, as far as this node knows. */
  get unmerged(): UnmergedEntries {
    if (this.#firstUnmerged === undefined) return { entries: 0, bytes: 0, ageMs: 0 };
    const ageMs = this.#clock().monotonic - this.#firstUnmerged;
    return { entries: this.last - this.#checkpoint.last, bytes: this.#unmerged.bytes, ageMs };
  }

  get checkpoint(): Checkpoint {
    return this.#checkpoint;
  }

  get isMergeDue(): boolean {
    return isWorthMerging(this.unmerged);
  }

  /**
   * Merges entries into packs and a new checkpoint, and deletes what is superfluous since a day. One node at a time is to do
   * it, or some do it in vain. `step` is called before each step, and throws if it must end. `isForced`: also where another
   * node has just done it.
   */
  async merge(step: () => void = () => undefined, isForced = true): Promise<MergeReport> {
    await this.refresh();
    const base = await this.#object.read();
    this.#adopt(base.checkpoint);
    if (!isForced && !this.isMergeDue) return { merged: 0, deleted: 0 };
    const next = await mergeEntries(base, this.last, {
      bucket: this.#bucket,
      keys: this.#keys,
      object: this.#object,
      packed: this.#packed,
      segments: this.#segments,
      read: (number) => this.#tail.read(number),
      step,
    });
    if (next === undefined) return { merged: 0, deleted: 0 };
    this.#adopt(next);
    step();
    const deleted = await trimLog(this.#bucket, this.#keys, this.#object, base.checkpoint);
    return { merged: next.last - base.checkpoint.last, deleted };
  }

  /** Whether a new copy of a derived database is worth its bytes; see `IndexCopies`. */
  isCopyDue(name: string): boolean {
    return this.#checkpoint.last > 0 && this.#copies.isDue(this.#checkpoint.copies[name], this.#objects);
  }

  /** Copies a derived database, which nobody changes meanwhile, for nodes that start. `step`: see `merge`. */
  async saveCopy(name: string, path: string, step: () => void = () => undefined): Promise<void> {
    await this.#copies.save(name, path, this.#objects, step);
    await this.#adoptNewest();
  }

  /** Brings the newest copy of a derived database to `path`; false if there is none. */
  fetchCopy(name: string, path: string): Promise<boolean> {
    return this.#copies.fetch(this.#checkpoint, name, path);
  }

  /** How many Git objects the store has; those that several entries have count several times. */
  get #objects(): number {
    const merged = this.#checkpoint.packs.reduce((sum, { objects }) => sum + objects, 0);
    return merged + this.#unmerged.count;
  }

  /** Waits for what is being written, and closes files. */
  async close(): Promise<void> {
    await this.#appender.drained();
    await this.#adopting;
    await this.#packed.close();
  }

  /** `work` reads from the packs; again from the newest ones if these are gone, or if the object was merged meanwhile. */
  async #seekPacked<T>(id: ObjectId, work: () => Promise<T | undefined>): Promise<T | undefined> {
    for (let isAgain = false; ; isAgain = true) {
      try {
        const found = await work();
        if (found !== undefined || isAgain || !this.#unmerged.has(id)) return found;
      } catch (error) {
        if (!(error instanceof PackGoneError) || isAgain) throw lasting(error);
      }
      await this.#adoptNewest();
    }
  }

  async #adoptNewest(): Promise<void> {
    this.#adopt((await this.#object.read()).checkpoint);
  }

  /** Reads merged objects from the checkpoint's packs from now on. It may contain entries that this node has not read yet. */
  #adopt(checkpoint: Checkpoint): void {
    if (checkpoint.last < this.#checkpoint.last) return;
    this.#checkpoint = checkpoint;
    this.#packed.use(checkpoint.packs);
    this.#unmerged.forget(checkpoint.last);
    this.#replay.forget(checkpoint.last);
    this.#firstUnmerged = this.last > checkpoint.last ? this.#clock().monotonic : undefined;
  }

  async #jumped(checkpoint: Checkpoint): Promise<void> {
    this.#adopt(checkpoint);
    await this.#replay.skipped();
    this.#tellMoved();
  }

  #tellMoved(): void {
    // When the log has taken the entry in.
    queueMicrotask(() => {
      for (const listener of this.#moveListeners) listener();
    });
  }

  #applied(number: number, entry: LogEntry): void {
    this.#replay.applied(number, entry.records);
    this.#unmerged.add(number, entry);
    this.#turns.applied(entry.node, number);
    this.#firstUnmerged ??= this.#clock().monotonic;
    if ((number - this.#checkpoint.last) % ADOPTED_ENTRIES === 0)
      this.#adopting ??= this.#adoptNewest()
        .catch(() => undefined)
        .finally(() => {
          this.#adopting = undefined;
        });
    if (entry.move && !this.#appender.isWriting(entry.nonce)) this.#tellMoved();
  }
}
