import { CorruptObjectError } from "../../../git/object.ts";
import type { LogEntry, S3LogRecord } from "./log-entry.ts";

/** What the records of a log lead to; it remembers up to which entry. */
export interface RecordProjection {
  /** Called before all others where it must begin from nothing. */
  reset(): void;
  /**
   * Called with the records of entries in the order of the log. It must bear to be called with the same records again.
   * `entry`: the number of the last one that they are from.
   */
  apply(records: readonly S3LogRecord[], entry: number): void;
}

/** Entries that are read at once. */
const WIDTH = 16;

export interface ReplayedLog {
  /** Number of the newest entry that was read. */
  readonly last: number;
  entry(number: number): Promise<LogEntry | undefined>;
}

/** Brings a projection, which is at the entry `after`, to the newest one that was read; returns the number of that. */
export async function replayRecords(
  log: ReplayedLog,
  after: number,
  projection: RecordProjection,
): Promise<number> {
  if (after > log.last) projection.reset();
  let done = after > log.last ? 0 : after;
  while (done < log.last) {
    const width = Math.min(WIDTH, log.last - done);
    const entries = await Promise.all(Array.from({ length: width }, (_, i) => log.entry(done + 1 + i)));
    for (const entry of entries) {
      done++;
      if (!entry) throw new CorruptObjectError(`the log entry ${done}`, "it is missing");
      if (entry.records.length > 0) projection.apply(entry.records, done);
    }
  }
  return done;
}
