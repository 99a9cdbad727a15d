import { Database } from "bun:sqlite";
import { closeSync, fsyncSync, openSync } from "node:fs";
import { type Digest, parseDigest } from "../../digest.ts";
import { checkHeader, DamagedDatabaseError, damageIn } from "../../sqlite/database-damage.ts";
import { checkRow, rowSum } from "../../sqlite/row-sum.ts";
import { checkPages, checkSchema, inspectDatabase, isSmall } from "../index/derived-database.ts";

export const LINKS = "links.sqlite";
/** Takes the place of a damaged one, and has its name again after a stop. */
export const REBUILT_LINKS = "links.rebuilt.sqlite";

const VERSION = 1;
const SCHEMA = `
  CREATE TABLE blob_links (
    scope TEXT NOT NULL,
    digest TEXT NOT NULL,
    linked_at INTEGER NOT NULL, -- seconds since the epoch
    sum INTEGER NOT NULL, -- of the three, by rowSum
    PRIMARY KEY (scope, digest)
  ) WITHOUT ROWID;
  CREATE INDEX blob_links_by_digest ON blob_links (digest)`;

export interface Link {
  readonly scope: string;
  readonly digest: Digest;
  /** Seconds since the epoch. */
  readonly linkedAt: number;
}

/** Throws `DamagedDatabaseError`, or what SQLite says, where the file is damaged; see `damageIn`. */
export function openLinks(path: string): Database {
  checkHeader(path);
  const db = new Database(path, { create: true, strict: true });
  try {
    db.run("PRAGMA busy_timeout = 5000");
    // NORMAL leaves syncing the log to us: one sync off the event loop then serves every link that waits for it.
    db.run("PRAGMA journal_mode = WAL");
    db.run("PRAGMA synchronous = NORMAL");
    const version = db.query<{ user_version: number }, []>("PRAGMA user_version").get()?.user_version;
    if (version !== VERSION) createTables(db, path);
    checkSchema(db, { sql: SCHEMA });
    if (isSmall(path)) checkLinks(db);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** What is wrong with a file of links, looked through whole and left as it is. */
export function inspectLinks(path: string): ReturnType<typeof inspectDatabase> {
  return inspectDatabase(path, { version: VERSION, sql: SCHEMA, check: checkLinks }, async () => undefined);
}

/** Throws `DamagedDatabaseError` for anything that is not as it was written. */
export function checkLinks(db: Database): void {
  checkPages(db);
  const rows = db.query<Row, []>("SELECT scope, digest, linked_at, sum FROM blob_links").iterate();
  for (const { scope, digest, linked_at, sum } of rows) checkRow(db, sum, scope, digest, linked_at);
}

/** What can still be read of a damaged file. */
export function salvageLinks(path: string): Link[] {
  const found = new Map<string, Link>();
  ignoreDamage(() => {
    const db = new Database(path, { readonly: true, strict: true });
    try {
      // From both ends, as a damaged page ends the reading.
      for (const order of ["scope, digest", "scope DESC, digest DESC"]) {
        for (const sql of [
          `SELECT scope, digest, linked_at, sum FROM blob_links ORDER BY ${order}`,
          `SELECT scope, digest, linked_at FROM links ORDER BY ${order}`,
        ]) {
          ignoreDamage(() => {
            for (const row of db.query<Row, []>(sql).iterate()) addSound(found, row);
          });
        }
      }
    } finally {
      db.close();
    }
  });
  return [...found.values()];
}

/** Makes a new file of links, which would survive a power cut but for its directory entry. The first of equal ones counts. */
export function createLinks(path: string, links: Iterable<Link>): void {
  const db = openLinks(path);
  try {
    db.transaction(() => {
      const insert = db.query("INSERT OR IGNORE INTO blob_links VALUES (?, ?, ?, ?)");
      for (const { scope, digest, linkedAt } of links)
        insert.run(scope, digest, linkedAt, rowSum(scope, digest, linkedAt));
    })();
  } finally {
    db.close();
  }
  const fd = openSync(path, "r+");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

interface Row {
  readonly scope: string;
  readonly digest: string;
  readonly linked_at: number;
  /** Earlier versions wrote none. */
  readonly sum?: number;
}

function addSound(found: Map<string, Link>, { scope, digest, linked_at, sum }: Row): void {
  const parsed = parseDigest(String(digest));
  if (!parsed || typeof scope !== "string" || !Number.isSafeInteger(linked_at)) return;
  if (sum !== undefined && sum !== rowSum(scope, digest, linked_at)) return;
  found.set(`${scope} ${digest}`, { scope, digest: parsed, linkedAt: linked_at });
}

function ignoreDamage(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (damageIn(error) === undefined) throw error;
  }
}

/** Links of earlier versions had no sums. */
function createTables(db: Database, path: string): void {
  const has = (table: string) => db.query("SELECT 1 FROM sqlite_schema WHERE name = ?").get(table) !== null;
  if (has("blob_links")) throw new DamagedDatabaseError(path, "it is of another version than its tables");
  const hasOld = has("links");
  if (hasOld) checkPages(db);
  db.transaction(() => {
    db.run(SCHEMA);
    if (hasOld) {
      const insert = db.query("INSERT INTO blob_links VALUES (?, ?, ?, ?)");
      const rows = db.query<Row, []>("SELECT scope, digest, linked_at FROM links").iterate();
      for (const { scope, digest, linked_at } of rows)
        insert.run(scope, digest, linked_at, rowSum(scope, digest, linked_at));
      db.run("DROP TABLE links");
    }
    db.run(`PRAGMA user_version = ${VERSION}`);
  })();
}
