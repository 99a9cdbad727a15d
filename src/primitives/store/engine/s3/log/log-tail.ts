import { SharedRun } from "../../../../jobs/shared-run.ts";
import type { S3Bucket } from "../../../../s3/s3-bucket.ts";
import { CorruptObjectError } from "../../../git/object.ts";
import type { ObjectId } from "../../../git/object-id.ts";
import { type LogClock, type Moment, msBetween } from "./log-clock.ts";
import { decodeLogEntry, type LogEntry } from "./log-entry.ts";
import type { LogKeys } from "./log-keys.ts";

/** How long after it saw the end of the log a node may append to it, in milliseconds; see `LogAppender`. */
const APPEND_MS = 60_000;
/** How long a number that does not exist means that the log ends there: later it may have been deleted, 24 hours after it was merged. */
const CERTAIN_MS = 12 * 3_600_000;
/** Entries that are read at once by a node that is behind. */
const MAX_WIDTH = 64;

export interface LogTailOptions<C extends LogPosition = LogPosition> {
  readonly bucket: S3Bucket;
  readonly keys: LogKeys;
  readonly clock: LogClock;
  /** Called with each entry in their order. If it throws, the entry does not count as seen. */
  readonly applied: (number: number, entry: LogEntry) => void;
  /** Reads the newest checkpoint. */
  readonly checkpoint: () => Promise<C>;
  /** Called when the node goes on from that checkpoint, because it had not read the log for hours; again if it rejects. */
  jumped(checkpoint: C): Promise<void>;
}

export interface LogPosition {
  readonly last: number;
  readonly head: ObjectId | undefined;
}

/** How far this node has read the log. */
export class LogTail<C extends LogPosition = LogPosition> {
  readonly #options: LogTailOptions<C>;
  readonly #following = new SharedRun(() => this.#follow());
  #last = 0;
  #head: ObjectId | undefined;
  /** A moment at which no checkpoint contained the entry after the last one: it either did not exist, or was not deleted. */
  #certain: Moment | undefined;
  /** Whether the node goes on from a checkpoint, and has not taken in yet what it skipped. */
  #isJumping = false;

  constructor(options: LogTailOptions<C>) {
    this.#options = options;
  }

  /** The number of the newest entry that was read; 0 if there is none. */
  get last(): number {
    return this.#last;
  }

  /** Where the branch is after that entry. */
  get head(): ObjectId | undefined {
    return this.#head;
  }

  /** Resolves when all entries were read that existed at the call. */
  refresh(): Promise<void> {
    return this.#following.run();
  }

  /** Milliseconds since a moment at which the entry after the last one did not exist for certain. */
  get msBehind(): number {
    return this.#certain ? msBetween(this.#certain, this.#options.clock()) : Number.POSITIVE_INFINITY;
  }

  /** Whether so short a time has passed since the next entry was certainly not deleted that the node may append. */
  isFresh(now: Moment): boolean {
    return this.#certain !== undefined && !this.#isJumping && msBetween(this.#certain, now) < APPEND_MS;
  }

  /** `undefined` if there is no such entry. */
  async read(number: number): Promise<LogEntry | undefined> {
    const key = this.#options.keys.entry(number);
    const object = await this.#options.bucket.read(key);
    return object && decodeLogEntry(object.bytes, `the log entry ${key}`);
  }

  /** Takes in the entry that follows; one that was taken in before changes nothing. */
  apply(number: number, entry: LogEntry): void {
    if (number !== this.#last + 1) return;
    const { move } = entry;
    if (move && move.expected !== this.#head) {
      const key = this.#options.keys.entry(number);
      throw new CorruptObjectError(`the log entry ${key}`, `it does not follow the commit ${this.#head}`);
    }
    this.#options.applied(number, entry);
    this.#last = number;
    if (move) this.#head = move.next;
  }

  async #follow(): Promise<void> {
    if (this.#certain === undefined || this.#isJumping) await this.#startAtCheckpoint();
    for (let found = 0; ; ) {
      const asked = this.#options.clock();
      const from = this.#last + 1;
      // Most often one entry is new, or none.
      const width = found < 2 ? 1 : Math.min(found, MAX_WIDTH);
      const entries = await Promise.all(Array.from({ length: width }, (_, i) => this.read(from + i)));
      const end = entries.indexOf(undefined);
      for (const [i, entry] of entries.slice(0, end < 0 ? width : end).entries()) {
        if (entry) this.apply(from + i, entry);
        found++;
      }
      if (end < 0) continue;
      if (this.#certain !== undefined && msBetween(this.#certain, asked) < CERTAIN_MS) {
        this.#certain = asked;
        return;
      }
      await this.#startAtCheckpoint();
    }
  }

  /** Goes on from the newest checkpoint if it is ahead of this node. */
  async #startAtCheckpoint(): Promise<void> {
    const asked = this.#options.clock();
    const checkpoint = await this.#options.checkpoint();
    const { last, head } = checkpoint;
    if (last > this.#last) {
      [this.#last, this.#head] = [last, head];
      this.#isJumping = true;
    }
    this.#certain = asked;
    if (!this.#isJumping) return;
    await this.#options.jumped(checkpoint);
    this.#isJumping = false;
  }
}
