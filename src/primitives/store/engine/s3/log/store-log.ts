import type { Release } from "../../../../release.ts";
import type { S3Bucket } from "../../../../s3/s3-bucket.ts";
import type { ObjectId } from "../../../git/object-id.ts";
import type { BranchMove } from "../../branch.ts";
import { LogAppender } from "./log-appender.ts";
import { type LogClock, systemClock } from "./log-clock.ts";
import type { LogEntry, S3LogRecord } from "./log-entry.ts";
import { LogKeys } from "./log-keys.ts";
import { LogTail } from "./log-tail.ts";
import { type RecordProjection, replayRecords } from "./record-projection.ts";
import { Turns } from "./turns.ts";
import { UnmergedObjects } from "./unmerged-objects.ts";

/** Called with the records of an entry and its number. */
export type RecordListener = (records: readonly S3LogRecord[], number: number) => void;

export interface StoreLogOptions {
  /** Names this process among the nodes. */
  readonly node: string;
  /** A directory for caches, which may be lost at any moment. */
  readonly localDir: string;
  readonly clock?: LogClock;
}

/** How many races in a row a node loses before it asks for a turn. */
const LOSSES_BEFORE_TURN = 2;

/**
 * The commits and records of a store: numbered objects, each with a group of commits or records. All nodes read them in
 * the order of their numbers, so that all have the same history. One for each open store and node.
 */
export class StoreLog {
  readonly objects: UnmergedObjects;
  readonly #tail: LogTail;
  readonly #turns: Turns;
  readonly #appender: LogAppender;
  readonly #recordListeners = new Set<RecordListener>();
  readonly #moveListeners = new Set<() => void>();
  #losses = 0;

  private constructor(bucket: S3Bucket, store: string, { node, clock = systemClock }: StoreLogOptions) {
    const keys = new LogKeys(store);
    const applied = (number: number, entry: LogEntry) => this.#applied(number, entry);
    this.#tail = new LogTail({ bucket, keys, clock, applied });
    this.#turns = new Turns({ bucket, prefix: keys.turns, node, now: () => clock().monotonic });
    this.#appender = new LogAppender({ bucket, keys, clock, node, tail: this.#tail, turns: this.#turns });
    this.objects = new UnmergedObjects((number) => this.#tail.read(number));
  }

  /** Reads the log to its end. */
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

  /**
   * `listener` is called with the records of all entries from now on in the order of the log, own ones too, before `record`
   * and `refresh` resolve. It must bear to be called with the same records again.
   */
  onRecords(listener: RecordListener): Release {
    this.#recordListeners.add(listener);
    return () => this.#recordListeners.delete(listener);
  }

  /**
   * Brings a projection, which is at the entry `after`, to the newest entry that was read, and calls it with the records of
   * all that follow until the returned function is called.
   */
  async followRecords(after: number, projection: RecordProjection): Promise<Release> {
    let done = after;
    do done = await replayRecords(this, done, projection);
    while (done < this.last);
    return this.onRecords((records, number) => projection.apply(records, number));
  }

  /** `listener` is called when this node has read that another one moved the branch. */
  onMoved(listener: () => void): Release {
    this.#moveListeners.add(listener);
    return () => this.#moveListeners.delete(listener);
  }

  /** Waits for what is being written. */
  async close(): Promise<void> {
    await this.#appender.drained();
  }

  #applied(number: number, entry: LogEntry): void {
    if (entry.records.length > 0)
      for (const listener of this.#recordListeners) listener(entry.records, number);
    this.objects.add(number, entry);
    this.#turns.applied(entry.node, number);
    if (!entry.move || this.#appender.isWriting(entry.nonce)) return;
    // When the log has taken the entry in.
    queueMicrotask(() => {
      for (const listener of this.#moveListeners) listener();
    });
  }
}
