import type { Database } from "bun:sqlite";
import type { Digest } from "../../../primitives/digest.ts";
import { orAborted } from "../../../primitives/jobs/or-aborted.ts";
import { Pace } from "../../../primitives/jobs/pace.ts";
import { assertReadable, damageIn } from "../../../primitives/sqlite/database-damage.ts";
import { openOrRemove, removeDatabase } from "../../../primitives/sqlite/database-file.ts";
import { type Inspection, inspectDatabase } from "../../../primitives/sqlite/inspect-database.ts";
import { openDatabase } from "../../../primitives/sqlite/open-database.ts";
import type { Store } from "../../../primitives/store/commits/store.ts";
import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import { type WalkedCommit, walkCommit } from "./commit-effects.ts";
import type { HistoryEvent, HistoryFilter } from "./history.ts";
import {
  addToHistory,
  type CommitRow,
  checkedRow,
  DATABASE,
  headIn,
  historyIn,
  type MoveRow,
  type RemovedRow,
  type Row,
  TABLES,
  type TimedRow,
} from "./history-database.ts";
import type { PointInTime } from "./point-in-time.ts";

/** The commits that a history is told of. */
export type HistorySource = Pick<Store, "head" | "commitAt" | "walk">;

/** Commits taken in before others get their turn. */
const BATCH = 50;
const PAGE = 200;
const UP_TO = "seq <= (SELECT seq FROM commits WHERE id = $until)";
/** Commits of a tag that tell which of those that one commit set is newer. */
const MAX_SETS_OF_TAG = 8;

/**
 * What the commits of an OCI store tell, so that a question about the history does not walk it. Derived: it is told the
 * commits that it misses whenever it is asked, and rebuilt when its file is missing or the history was rewritten.
 */
export class HistoryIndex {
  readonly #path: string;
  readonly #store: HistorySource;
  readonly #damaged: (reason: string) => void;
  #open: Database | undefined;
  #catchingUp: Promise<void> | undefined;
  #isClosing = false;

  /** `damaged` is told what is wrong with a file that is rebuilt. */
  constructor(path: string, store: HistorySource, damaged: (reason: string) => void = () => undefined) {
    this.#path = path;
    this.#store = store;
    this.#damaged = damaged;
  }

  /** Opened by the first call that needs it: a store serves without its history, and the error is that caller's. */
  get #db(): Database {
    this.#open ??= openOrRemove(this.#path, () => openDatabase(this.#path, DATABASE), this.#damaged);
    return this.#open;
  }

  /** Looks through a file whole, and leaves it as it is. */
  static inspect(path: string, compare: (db: Database) => Promise<string | undefined>): Promise<Inspection> {
    return inspectDatabase(path, DATABASE, compare);
  }

  /** The newest commit that it has taken in. */
  get head(): ObjectId | undefined {
    return headIn(this.#db);
  }

  /** A hash of all that it holds, to compare with another's. */
  get content(): string {
    return historyIn(this.#db).content;
  }

  /** Takes in the commits that came since. It goes on for others where `signal` ends the waiting. */
  async catchUp(signal?: AbortSignal): Promise<void> {
    // One that is under way may have begun before the newest commit; whoever began it is told of its failure.
    await orAborted(
      this.#catchingUp?.catch(() => undefined),
      signal,
    );
    if (signal?.aborted) return;
    this.#catchingUp ??= this.#catchUp().finally(() => {
      this.#catchingUp = undefined;
    });
    await orAborted(this.#catchingUp, signal);
  }

  /** Whether a commit was taken in. */
  has(id: ObjectId): boolean {
    return this.#db.query("SELECT 1 FROM commits WHERE id = ?").get(id) !== null;
  }

  /** What happened, the newest first. */
  async *events({ repository, tag, user, since, until }: HistoryFilter = {}): AsyncGenerator<HistoryEvent> {
    const conditions = [
      "seq < $before",
      ...(repository !== undefined && tag === undefined ? ["repository = $repository"] : []),
      ...(repository !== undefined && tag !== undefined
        ? ["seq IN (SELECT seq FROM moves WHERE repository = $repository AND tag = $tag)"]
        : []),
      ...(user === undefined ? [] : ["user = $user"]),
      ...(since === undefined ? [] : ["seconds >= $since"]),
      ...(until === undefined ? [] : [UP_TO]),
    ];
    const sql = `SELECT * FROM commits WHERE ${conditions.join(" AND ")} ORDER BY seq DESC LIMIT ${PAGE}`;
    for (let before = Number.MAX_SAFE_INTEGER; ; ) {
      const values = {
        before,
        ...(repository !== undefined && { repository }),
        ...(repository !== undefined && tag !== undefined && { tag }),
        ...(user !== undefined && { user }),
        ...(since !== undefined && { since }),
        ...(until !== undefined && { until }),
      };
      const rows = await this.#ask(() => this.#rows<CommitRow>(sql, values));
      for (const { event } of rows) yield JSON.parse(event) as HistoryEvent;
      const last = rows.at(-1);
      if (!last || rows.length < PAGE) return;
      before = last.seq;
    }
  }

  /** The event that a tag was last set or deleted by, up to a commit if one is given. */
  async lastEvent(repository: RepositoryName, tag: Tag, until?: ObjectId): Promise<HistoryEvent | undefined> {
    for await (const event of this.events({ repository, tag, until })) return event;
    return undefined;
  }

  /** The commit that a moment means: the one named, or the newest that was there by then; none after `until`. */
  async commitAt(point: PointInTime, until?: ObjectId): Promise<ObjectId | "unknown" | "ambiguous"> {
    const upTo = until === undefined ? "" : `AND ${UP_TO}`;
    const limit = until !== undefined && { until };
    const found = await this.#ask(() =>
      point.kind === "time"
        ? this.#rows<CommitRow>(
            `SELECT * FROM commits WHERE seconds <= $seconds ${upTo} ORDER BY seq DESC LIMIT 1`,
            { seconds: point.seconds, ...limit },
          )
        : this.#rows<CommitRow>(`SELECT * FROM commits WHERE id >= $from AND id < $before ${upTo} LIMIT 2`, {
            from: point.prefix,
            before: `${point.prefix}g`,
            ...limit,
          }),
    );
    return found.length > 1 ? "ambiguous" : (found[0]?.id ?? "unknown");
  }

  /** When a manifest that named the blob was last removed, in seconds; `undefined` if none ever was. Catch up first. */
  removedAt(blob: Digest): number | undefined {
    return this.#rows<TimedRow>("SELECT * FROM removed WHERE blob = $blob", { blob })[0]?.seconds;
  }

  /** As `removedAt`, of those of the blobs that a removed manifest named. Catch up first. */
  removedAtOf(blobs: readonly Digest[]): Map<Digest, number> {
    const sql = "SELECT * FROM removed WHERE blob IN (SELECT value FROM json_each($blobs))";
    const rows = this.#rows<RemovedRow>(sql, { blobs: JSON.stringify(blobs) });
    return new Map(rows.map(({ blob, seconds }) => [blob, seconds]));
  }

  /** When a manifest was last pushed, or a tag came to it or left it, in seconds. Catch up first. */
  mentionedAt(repository: RepositoryName, manifest: Digest): number | undefined {
    const sql = "SELECT * FROM mentions WHERE repository = $repository AND digest = $manifest";
    return this.#rows<TimedRow>(sql, { repository, manifest })[0]?.seconds;
  }

  /** The last commits that set each tag of a repository, the newest first, as places in the order of all. Catch up first. */
  setsOf(repository: RepositoryName): ReadonlyMap<Tag, readonly number[]> {
    const sql = `SELECT repository, tag, seq, is_set, sum FROM
      (SELECT *, row_number() OVER (PARTITION BY tag, is_set ORDER BY seq DESC) AS place FROM moves
        WHERE repository = $repository)
      WHERE place <= ${MAX_SETS_OF_TAG} ORDER BY tag, place`;
    const sets = new Map<Tag, number[]>();
    for (const { tag, seq, is_set } of this.#rows<MoveRow>(sql, { repository })) {
      // Not left to the query, which would not notice where this itself is damaged.
      if (is_set === 0) continue;
      const known = sets.get(tag);
      if (known) known.push(seq);
      else sets.set(tag, [seq]);
    }
    return sets;
  }

  /** Commits by day (UTC, `2026-01-31`), the newest first. */
  async commitsByDay(limit: number): Promise<{ readonly day: string; readonly commits: number }[]> {
    await this.catchUp();
    const sql = `SELECT date(seconds, 'unixepoch') AS day, count(*) AS commits FROM commits
      GROUP BY day ORDER BY day DESC LIMIT ?`;
    return this.#db.query<{ day: string; commits: number }, [number]>(sql).all(limit);
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#catchingUp?.catch(() => undefined);
    this.#open?.close();
  }

  /** Rows that say what was written; a database with another one is removed, to be rebuilt by the next catch-up. */
  #rows<T extends Row>(sql: string, values: Readonly<Record<string, string | number>>): T[] {
    try {
      const db = this.#db;
      const rows = db.query<T, [typeof values]>(sql).all(values);
      return rows.map((row) => checkedRow(db, row));
    } catch (error) {
      const reason = damageIn(error);
      if (reason !== undefined) this.#remove(reason);
      throw error;
    }
  }

  /** After a catch-up; once more after another one if the database turns out damaged. */
  async #ask<T>(read: () => T): Promise<T> {
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
    try {
      await this.#takeIn();
    } catch (error) {
      const reason = damageIn(error);
      if (reason === undefined) throw error;
      this.#remove(reason);
      await this.#takeIn();
    }
  }

  /** Rebuilds it, because it does not say what the commits do. */
  async rebuild(reason: string, signal?: AbortSignal): Promise<void> {
    await this.#catchingUp?.catch(() => undefined);
    if (this.#isClosing) return;
    this.#remove(reason);
    await this.catchUp(signal);
  }

  /** To be rebuilt. */
  #remove(reason: string): void {
    assertReadable(this.#path);
    this.#damaged(reason);
    this.#open?.close();
    this.#open = undefined;
    removeDatabase(this.#path);
  }

  async #takeIn(): Promise<void> {
    const last = this.head;
    // A console command may be waiting for it: it rests no longer than it works.
    const pace = new Pace(1);
    const missing = await this.#missing(last, pace);
    const walk = this.#store.walk();
    const step = async () => {
      await pace.rest();
      return !this.#isClosing;
    };
    for (let end = missing.length; end > 0 && !this.#isClosing; end -= BATCH) {
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

  /** The commits that are not known yet, the newest first. */
  async #missing(last: ObjectId | undefined, pace: Pace): Promise<ObjectId[]> {
    const missing: ObjectId[] = [];
    for (let id = this.#store.head().commitId; id; ) {
      if (id === last) return missing;
      if (this.#isClosing) return [];
      missing.push(id);
      await pace.rest();
      id = (await this.#store.commitAt(id)).parents[0];
    }
    // What is known belongs to a history that stock git has rewritten.
    if (last) for (const table of TABLES) this.#db.run(`DELETE FROM ${table}`);
    return missing;
  }
}
