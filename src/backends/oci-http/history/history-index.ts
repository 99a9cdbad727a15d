import type { Database } from "bun:sqlite";
import type { Digest } from "../../../primitives/digest.ts";
import { orAborted } from "../../../primitives/jobs/or-aborted.ts";
import { Pace } from "../../../primitives/jobs/pace.ts";
import { damageIn } from "../../../primitives/sqlite/database-damage.ts";
import { type Inspection, inspectDatabase } from "../../../primitives/sqlite/inspect-database.ts";
import type { Store } from "../../../primitives/store/commits/store.ts";
import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import { commitsByDay, type DayCommits, repositoryCommitsByDay } from "./commit-days.ts";
import { type WalkedCommit, walkCommit } from "./commit-effects.ts";
import type { HistoryEvent, HistoryFilter } from "./history.ts";
import {
  addToHistory,
  type CommitRow,
  checkedRow,
  DATABASE,
  headIn,
  historyIn,
  type MentionRow,
  type MoveRow,
  type RemovedRow,
  type Row,
  TABLES,
  type TimedRow,
} from "./history-database.ts";
import { type HistoryCopies, HistoryFile, NO_COPIES } from "./history-file.ts";
import { eventsQuery, UP_TO } from "./history-query.ts";
import { missingCommits } from "./missing-commits.ts";
import type { PointInTime } from "./point-in-time.ts";

/** The store whose commits the history indexes. */
export type HistorySource = Pick<Store, "head" | "commitAt" | "walk">;

/** Commits added before the thread yields. */
const BATCH = 50;
const PAGE = 200;
/** Most commits of a tag that are compared to find the newer of two tags set by one commit. */
const MAX_SETS_OF_TAG = 8;

/**
 * An index of the commits of an OCI store, so that queries of the history need not walk it. Derived data: each query first
 * adds the missing commits, and the index is rebuilt if its file is missing or the branch was rewritten.
 */
export class HistoryIndex {
  readonly #file: HistoryFile;
  readonly #store: HistorySource;
  #catchingUp: Promise<void> | undefined;
  #isClosing = false;
  #unread = 0;

  /** `damaged` is called with the reason when a damaged file is rebuilt. */
  constructor(
    path: string,
    store: HistorySource,
    damaged: (reason: string) => void = () => undefined,
    copies: HistoryCopies = NO_COPIES,
  ) {
    this.#store = store;
    this.#file = new HistoryFile(path, damaged, copies);
  }

  get #db(): Database {
    return this.#file.db;
  }

  /** Reads a whole file without changing it. */
  static inspect(path: string, compare: (db: Database) => Promise<string | undefined>): Promise<Inspection> {
    return inspectDatabase(path, DATABASE, compare);
  }

  /** The newest commit in the index. */
  get head(): ObjectId | undefined {
    // A file that is made here would keep a copy away.
    return this.#file.isThere ? headIn(this.#db) : undefined;
  }

  /** The commits that a running catch-up still has to read, as far as it knows. */
  get unread(): number {
    return this.#unread;
  }

  /** What kept the last catch-up from the disk; `undefined` if it succeeded, or failed for another reason. */
  get trouble(): HistoryFile["trouble"] {
    return this.#file.trouble;
  }

  /** A hash of the whole content, to compare two indexes. */
  get content(): string {
    return historyIn(this.#db).content;
  }

  /** Adds the missing commits. `signal` ends only this caller's wait; the work continues for others. */
  async catchUp(signal?: AbortSignal): Promise<void> {
    // A running catch-up may have begun before the newest commit; its failure is reported to its own caller.
    await orAborted(
      this.#catchingUp?.catch(() => undefined),
      signal,
    );
    if (signal?.aborted) return;
    const running = () => this.#file.watching(this.#catchUp());
    this.#catchingUp ??= running().finally(() => {
      this.#catchingUp = undefined;
      this.#unread = 0;
    });
    await orAborted(this.#catchingUp, signal);
  }

  /** Whether the index has a commit. */
  has(id: ObjectId): boolean {
    return this.#db.query("SELECT 1 FROM commits WHERE id = ?").get(id) !== null;
  }

  /** Yields the events that match, newest first. */
  async *events(filter: HistoryFilter = {}): AsyncGenerator<HistoryEvent> {
    const { sql, values } = eventsQuery(filter, PAGE);
    for (let before = Number.MAX_SAFE_INTEGER; ; ) {
      const rows = await this.ask(() => this.rows<CommitRow>(sql, { before, ...values }));
      for (const { event } of rows) yield JSON.parse(event) as HistoryEvent;
      const last = rows.at(-1);
      if (!last || rows.length < PAGE) return;
      before = last.seq;
    }
  }

  /** The event that last set or deleted a tag, up to the commit `until` if given. */
  async lastEvent(repository: RepositoryName, tag: Tag, until?: ObjectId): Promise<HistoryEvent | undefined> {
    for await (const event of this.events({ repository, tag, until })) return event;
    return undefined;
  }

  /** The commit at a point in time: the named one, or the newest at that time; never one after `until`. */
  async commitAt(point: PointInTime, until?: ObjectId): Promise<ObjectId | "unknown" | "ambiguous"> {
    const upTo = until === undefined ? "" : `AND ${UP_TO}`;
    const limit = until !== undefined && { until };
    const found = await this.ask(() =>
      point.kind === "time"
        ? this.rows<CommitRow>(
            `SELECT * FROM commits WHERE seconds <= $seconds ${upTo} ORDER BY seq DESC LIMIT 1`,
            { seconds: point.seconds, ...limit },
          )
        : this.rows<CommitRow>(`SELECT * FROM commits WHERE id >= $from AND id < $before ${upTo} LIMIT 2`, {
            from: point.prefix,
            before: `${point.prefix}g`,
            ...limit,
          }),
    );
    return found.length > 1 ? "ambiguous" : (found[0]?.id ?? "unknown");
  }

  /** When a manifest that named the blob was last removed (seconds); `undefined`: never. The caller catches up first. */
  removedAt(blob: Digest): number | undefined {
    return this.rows<TimedRow>("SELECT * FROM removed WHERE blob = $blob", { blob })[0]?.seconds;
  }

  /** Like `removedAt` for several blobs; holds only those that a removed manifest named. The caller catches up first. */
  removedAtOf(blobs: readonly Digest[]): Map<Digest, number> {
    const sql = "SELECT * FROM removed WHERE blob IN (SELECT value FROM json_each($blobs))";
    const rows = this.rows<RemovedRow>(sql, { blobs: JSON.stringify(blobs) });
    return new Map(rows.map(({ blob, seconds }) => [blob, seconds]));
  }

  /** When a manifest was last pushed, or gained or lost a tag (seconds). The caller catches up first. */
  mentionedAt(repository: RepositoryName, manifest: Digest): number | undefined {
    const sql = "SELECT * FROM mentions WHERE repository = $repository AND digest = $manifest";
    return this.rows<TimedRow>(sql, { repository, manifest })[0]?.seconds;
  }

  /** The names of all repositories that ever held a manifest. The caller catches up first. */
  *repositories(): Generator<RepositoryName> {
    // Each name is looked up by the one before it: there may be many manifests of each.
    const sql = "SELECT * FROM mentions WHERE repository > $last ORDER BY repository LIMIT 1";
    for (let last = ""; ; ) {
      const [row] = this.rows<MentionRow>(sql, { last });
      if (!row) return;
      last = row.repository;
      yield row.repository;
    }
  }

  /** For each tag of a repository the sequence numbers of the last commits that set it, newest first. Catch up first. */
  setsOf(repository: RepositoryName): ReadonlyMap<Tag, readonly number[]> {
    const sql = `SELECT repository, tag, seq, is_set, sum FROM
      (SELECT *, row_number() OVER (PARTITION BY tag, is_set ORDER BY seq DESC) AS place FROM moves
        WHERE repository = $repository)
      WHERE place <= ${MAX_SETS_OF_TAG} ORDER BY tag, place`;
    const sets = new Map<Tag, readonly number[]>();
    for (const { tag, seq, is_set } of this.rows<MoveRow>(sql, { repository })) {
      // Filtered here and not in the query, so that the checksum of a row with a damaged `is_set` is verified.
      if (is_set === 0) continue;
      sets.set(tag, [...(sets.get(tag) ?? []), seq]);
    }
    return sets;
  }

  /** Commits per day (UTC, `2026-01-31`), newest first. */
  async commitsByDay(limit: number): Promise<DayCommits[]> {
    await this.catchUp();
    return commitsByDay(this.#db, limit);
  }

  repositoryCommitsByDay(repository: RepositoryName): Promise<DayCommits[]> {
    return this.ask(() => repositoryCommitsByDay(this.#db, repository));
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#catchingUp?.catch(() => undefined);
    await this.#file.close();
  }

  /** Reads rows and verifies their checksums. The caller catches up first. */
  rows<T extends Row>(sql: string, values: Readonly<Record<string, string | number>>): T[] {
    return this.#watched((db) => {
      const rows = db.query<T, [typeof values]>(sql).all(values);
      return rows.map((row) => checkedRow(db, row));
    });
  }

  /** The first row of a query that counts. The caller catches up first. */
  first<T>(sql: string, values: Readonly<Record<string, string | number>>): T | undefined {
    return this.#watched((db) => db.query<T, [typeof values]>(sql).get(values) ?? undefined);
  }

  /** Removes a database that turns out to be damaged; the next catch-up rebuilds it. */
  #watched<T>(read: (db: Database) => T): T {
    try {
      return read(this.#db);
    } catch (error) {
      const reason = damageIn(error);
      if (reason !== undefined) this.#file.remove(reason);
      throw error;
    }
  }

  /** Catches up and reads; if the database is damaged, catches up and reads once more. */
  async ask<T>(read: () => T): Promise<T> {
    await this.catchUp();
    try {
      return read();
    } catch (error) {
      if (damageIn(error) === undefined || this.#isClosing) throw error;
      await this.catchUp();
      return read();
    }
  }

  async #catchUp(): Promise<void> {
    await this.#file.fetch();
    try {
      await this.#takeIn();
    } catch (error) {
      const reason = damageIn(error);
      if (reason === undefined) throw error;
      this.#file.remove(reason);
      await this.#takeIn();
    }
    this.#file.isWhole = !this.#isClosing;
  }

  /** Rebuilds the index, because it differs from the commits. */
  async rebuild(reason: string, signal?: AbortSignal): Promise<void> {
    await this.#catchingUp?.catch(() => undefined);
    if (this.#isClosing) return;
    this.#file.remove(reason);
    await this.catchUp(signal);
  }

  async #takeIn(): Promise<void> {
    const last = this.head;
    // A console command may be waiting: the pace rests no longer than it works.
    const pace = new Pace(1);
    const walk = this.#store.walk();
    const step = async () => {
      await pace.rest();
      return !this.#isClosing;
    };
    const { missing, isKnown } = await missingCommits(this.#store, last, step);
    if (this.#isClosing) return;
    // The indexed commits are no longer on the branch: stock git has rewritten it.
    if (last && !isKnown) for (const table of TABLES) this.#db.run(`DELETE FROM ${table}`);
    for (let end = missing.length; end > 0 && !this.#isClosing; end -= BATCH) {
      this.#unread = end;
      const batch = missing.slice(Math.max(end - BATCH, 0), end).reverse();
      const commits: WalkedCommit[] = [];
      for (const id of batch) {
        commits.push(await walkCommit(walk, id, step));
        if (this.#isClosing) return;
      }
      this.#db.transaction(() => {
        for (const commit of commits) addToHistory(this.#db, commit);
      })();
      await pace.rest();
    }
  }
}
