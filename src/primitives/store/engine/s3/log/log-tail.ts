import { SharedRun } from "../../../../jobs/shared-run.ts";
import type { S3Bucket } from "../../../../s3/s3-bucket.ts";
import { CorruptObjectError } from "../../../git/object.ts";
import type { ObjectId } from "../../../git/object-id.ts";
import { type LogClock, type Moment, msBetween } from "./log-clock.ts";
import { decodeLogEntry, type LogEntry } from "./log-entry.ts";
import type { LogKeys } from "./log-keys.ts";

/** How long after it saw the end of the log a node may append to it, in milliseconds; see `LogAppender`. */
const APPEND_MS = 60_000;
/** Entries that are read at once by a node that is behind. */
const MAX_WIDTH = 64;

export interface LogTailOptions {
  readonly bucket: S3Bucket;
  readonly keys: LogKeys;
  readonly clock: LogClock;
  /** Called with each entry in their order. If it throws, the entry does not count as seen. */
  readonly applied: (number: number, entry: LogEntry) => void;
}

/** How far this node has read the log. */
export class LogTail {
  readonly #options: LogTailOptions;
  readonly #following = new SharedRun(() => this.#follow());
  #last = 0;
  #head: ObjectId | undefined;
  /** When the entry after the last one did not exist for certain. */
  #sawEnd: Moment | undefined;

  constructor(options: LogTailOptions) {
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

  /** Milliseconds since a moment when the entry after the last one did not exist for certain. */
  get msBehind(): number {
    return this.#sawEnd ? msBetween(this.#sawEnd, this.#options.clock()) : Number.POSITIVE_INFINITY;
  }

  /** Whether the end of the log was seen so short a time ago that the node may append. */
  isFresh(now: Moment): boolean {
    return this.#sawEnd !== undefined && msBetween(this.#sawEnd, now) < APPEND_MS;
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
    for (let found = 0; ; ) {
      const asked = this.#options.clock();
      const from = this.#last + 1;
      // Most often one entry is new, or none.
      const width = found < 2 ? 1 : Math.min(found, MAX_WIDTH);
      const entries = await Promise.all(Array.from({ length: width }, (_, i) => this.read(from + i)));
      for (const [i, entry] of entries.entries()) {
        if (entry === undefined) {
          this.#sawEnd = asked;
          return;
        }
        this.apply(from + i, entry);
        found++;
      }
    }
  }
}
