import type { Database } from "bun:sqlite";
import type { Digest } from "../../../primitives/digest.ts";
import { type DatabaseSchema, DERIVED_CHECKPOINT_PAGES } from "../../../primitives/sqlite/open-database.ts";
import { checkRow, rowSum } from "../../../primitives/sqlite/row-sum.ts";
import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import { onlyAdds } from "../content/store-event.ts";
import type { WalkedCommit } from "./commit-effects.ts";
import { eventOf } from "./history.ts";

/** Incremented whenever the meaning of the tables changes; a file of another version is rebuilt. */
const VERSION = 4;
/** Names its copies. */
export const HISTORY_COPY = `history-${VERSION}`;
const SCHEMA = `
  CREATE TABLE commits (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    seconds INTEGER NOT NULL,
    user TEXT NOT NULL,
    repository TEXT,
    event TEXT NOT NULL, -- JSON
    sum INTEGER NOT NULL -- of what the row says, in the order of its columns, by rowSum; as in the other tables
  );
  CREATE INDEX commits_by_repository ON commits (repository, seq);
  CREATE INDEX commits_by_user ON commits (user, seq);
  CREATE TABLE moves (
    repository TEXT NOT NULL,
    tag TEXT NOT NULL,
    seq INTEGER NOT NULL,
    is_set INTEGER NOT NULL, -- 0 where the tag was deleted
    sum INTEGER NOT NULL,
    PRIMARY KEY (repository, tag, seq)
  ) WITHOUT ROWID;
  CREATE TABLE removed (
    blob TEXT PRIMARY KEY, -- its digest
    seconds INTEGER NOT NULL, -- when a manifest that named it, in whichever way, was last removed
    sum INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE mentions (
    repository TEXT NOT NULL,
    digest TEXT NOT NULL, -- of a manifest
    seconds INTEGER NOT NULL, -- when it was last pushed, or a tag came to it or left it
    sum INTEGER NOT NULL,
    PRIMARY KEY (repository, digest)
  ) WITHOUT ROWID`;

export const TABLES = ["commits", "moves", "removed", "mentions"] as const;

export const DATABASE: DatabaseSchema = {
  version: VERSION,
  sql: SCHEMA,
  checkpointPages: DERIVED_CHECKPOINT_PAGES,
  check(db: Database): void {
    for (const table of TABLES)
      for (const row of db.query<Row, []>(`SELECT * FROM ${table}`).iterate()) checkedRow(db, row);
  },
};

/** Adds a commit. The caller adds each commit once, in order. */
export function addToHistory(
  db: Database,
  { id, commit, effects: { removed, moves, mentions } }: WalkedCommit,
): void {
  const event = eventOf(id, commit);
  const { seconds, repository } = event;
  const seq = nextSeq(db);
  const row = [seq, id, seconds, event.user, repository ?? null, JSON.stringify(event)] as const;
  db.query("INSERT INTO commits VALUES (?, ?, ?, ?, ?, ?, ?)").run(...row, rowSum(...row));
  const addRemoved = db.query(
    `INSERT INTO removed VALUES (?, ?, ?)
        ON CONFLICT DO UPDATE SET seconds = excluded.seconds, sum = excluded.sum WHERE excluded.seconds > seconds`,
  );
  for (const digest of removed) addRemoved.run(digest, seconds, rowSum(digest, seconds));
  const insertMove = db.query("INSERT OR IGNORE INTO moves VALUES (?, ?, ?, ?, ?)");
  const addMove = (...move: [repository: string, tag: string, seq: number, isSet: number]) =>
    insertMove.run(...move, rowSum(...move));
  for (const move of moves) addMove(move.repository, move.tag, seq, Number(move.isSet));
  const insertMention = db.query("INSERT OR REPLACE INTO mentions VALUES (?, ?, ?, ?)");
  const addMention = (...mention: [repository: string, digest: string, seconds: number]) =>
    insertMention.run(...mention, rowSum(...mention));
  for (const mention of mentions) addMention(mention.repository, mention.digest, seconds);
  if (repository === undefined) return;
  const isPush = Number(onlyAdds(commit));
  for (const { tag } of event.tags) addMove(repository, tag, seq, isPush);
  const { also = [] } = event;
  for (const digest of [event.digest, ...also, ...event.tags.map(({ previous }) => previous)]) {
    if (digest) addMention(repository, digest, seconds);
  }
}

function nextSeq(db: Database): number {
  const sql = "SELECT ifnull(max(seq), 0) + 1 AS next FROM commits";
  return db.query<{ next: number }, []>(sql).get()?.next ?? 1;
}

export interface Row {
  readonly sum: number;
}

export interface CommitRow extends Row {
  readonly seq: number;
  readonly id: ObjectId;
  readonly event: string;
}

export interface MoveRow extends Row {
  readonly tag: Tag;
  readonly seq: number;
  readonly is_set: 0 | 1;
}

export interface TimedRow extends Row {
  readonly seconds: number;
}

export interface MentionRow extends TimedRow {
  readonly repository: RepositoryName;
}

export interface RemovedRow extends TimedRow {
  readonly blob: Digest;
}

/** Throws `DamagedDatabaseError` if the row's last column is not the checksum of the others. */
export function checkedRow<T extends Row>(db: Database, row: T): T {
  const values = Object.values(row) as (string | number | null)[];
  checkRow(db, values.pop(), ...values);
  return row;
}

export function headIn(db: Database): ObjectId | undefined {
  const row = db.query<CommitRow, []>("SELECT * FROM commits ORDER BY seq DESC LIMIT 1").get();
  return row ? checkedRow(db, row).id : undefined;
}

/** The commit that a history file was built up to, and a hash of its content. */
export function historyIn(db: Database): { readonly head: ObjectId | undefined; readonly content: string } {
  const hasher = new Bun.CryptoHasher("sha256");
  for (const table of TABLES) {
    for (const row of db.query(`SELECT * FROM ${table} ORDER BY 1, 2`).iterate())
      hasher.update(`${table} ${JSON.stringify(row)}\n`);
  }
  return { head: headIn(db), content: hasher.digest("hex") };
}
