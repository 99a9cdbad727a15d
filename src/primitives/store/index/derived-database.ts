import { Database } from "bun:sqlite";
import { existsSync, renameSync, rmSync, statSync } from "node:fs";
import { assertReadable, checkHeader, DamagedDatabaseError, damageIn } from "../../sqlite/database-damage.ts";

/** The tables of a database that can be rebuilt at any time. */
export interface DatabaseSchema {
  /** Raised whenever the tables change their meaning: a file of another version is emptied. */
  readonly version: number;
  readonly sql: string;
  /** Throws `DamagedDatabaseError` for a row that is not as it was written. */
  check(db: Database): void;
}

/** Pages of the log after which it is written back: pages that change often are then written once for many commits. */
const CHECKPOINT_PAGES = 8000;

/** Up to this size the whole file is looked through at the start, which takes some milliseconds. */
const MAX_CHECKED_BYTES = 256 * 1024;

/** Files by what SQLite appends to their name. */
const SUFFIXES = ["", "-wal", "-shm"];

/** Throws `DamagedDatabaseError`, or what SQLite says, where the file is damaged; see `damageIn`. */
export function openDatabase(path: string, schema: DatabaseSchema): Database {
  if (path !== MEMORY) checkHeader(path);
  const db = new Database(path, { create: true, strict: true });
  try {
    db.run("PRAGMA busy_timeout = 5000");
    db.run("PRAGMA journal_mode = WAL");
    // A power cut may take the last transactions; the commits they stand for are read again.
    db.run("PRAGMA synchronous = NORMAL");
    db.run(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    if (versionOf(db) !== schema.version) createSchema(db, schema);
    else checkSchema(db, schema);
    if (path !== MEMORY && isSmall(path)) {
      checkPages(db);
      schema.check(db);
    }
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/**
 * What is wrong with a file, looked through whole and left as it is; `other-version` where another version of the program
 * wrote it. Rejects where it can't be read. With its rows in order, `compare` looks at what they say.
 */
export async function inspectDatabase(
  path: string,
  schema: DatabaseSchema,
  compare: (db: Database) => Promise<string | undefined>,
): Promise<"sound" | "missing" | "other-version" | { readonly damage: string }> {
  if (!existsSync(path)) return "missing";
  let db: Database | undefined;
  try {
    checkHeader(path);
    db = new Database(path, { readwrite: true, create: false, strict: true });
    db.run("PRAGMA busy_timeout = 5000");
    if (versionOf(db) !== schema.version) return "other-version";
    checkSchema(db, schema);
    checkPages(db);
    schema.check(db);
    const damage = await compare(db);
    return damage === undefined ? "sound" : { damage };
  } catch (error) {
    const damage = damageIn(error);
    if (damage === undefined) throw error;
    return { damage };
  } finally {
    db?.close();
  }
}

/** Opens a derived file; one that is damaged is reported and removed, and opened again, empty. */
export function openOrRemove<T>(path: string, open: () => T, report: (reason: string) => void): T {
  try {
    return open();
  } catch (error) {
    const reason = damageIn(error);
    if (reason === undefined) throw error;
    assertReadable(path);
    report(reason);
    removeDatabase(path);
    return open();
  }
}

/** Empties the database. */
export function createSchema(db: Database, { version, sql }: DatabaseSchema): void {
  db.transaction(() => {
    const tables = db
      .query<{ name: string }, []>(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
      )
      .all();
    for (const { name } of tables) db.run(`DROP TABLE "${name}"`);
    db.run(sql);
    db.run(`PRAGMA user_version = ${version}`);
  })();
}

export function removeDatabase(path: string): void {
  for (const suffix of SUFFIXES) rmSync(path + suffix, { force: true });
}

/** Neither may be open. After a crash in the middle, the same call completes it. */
export function renameDatabase(from: string, to: string): void {
  if (existsSync(to)) for (const suffix of SUFFIXES.toReversed()) rmSync(to + suffix, { force: true });
  // The log first: SQLite reads none without the file itself.
  for (const suffix of SUFFIXES.toReversed())
    if (existsSync(from + suffix)) renameSync(from + suffix, to + suffix);
}

/** Throws `DamagedDatabaseError` unless every page and every entry of an index is where it belongs. */
export function checkPages(db: Database): void {
  const found = db.query<{ integrity_check: string }, []>("PRAGMA integrity_check(1)").get()?.integrity_check;
  // The last of the lines says what it is.
  if (found !== "ok")
    throw new DamagedDatabaseError(db.filename, found?.split("\n").at(-1) ?? "it can't be checked");
}

function versionOf(db: Database): number | undefined {
  return db.query<{ user_version: number }, []>("PRAGMA user_version").get()?.user_version;
}

const MEMORY = ":memory:";

/** Throws `DamagedDatabaseError` unless the tables are those that `sql` makes. */
export function checkSchema(db: Database, { sql }: Pick<DatabaseSchema, "sql">): void {
  const model = new Database(MEMORY, { strict: true });
  try {
    model.run(sql);
    if (tablesOf(db) !== tablesOf(model))
      throw new DamagedDatabaseError(db.filename, "its tables are not those that were made");
  } finally {
    model.close();
  }
}

function tablesOf(db: Database): string {
  const sql = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name";
  return JSON.stringify(db.query(sql).values());
}

/** Whether a database is looked through whole at the start. */
export function isSmall(path: string): boolean {
  const size = SUFFIXES.reduce(
    (sum, suffix) => sum + (statSync(path + suffix, { throwIfNoEntry: false })?.size ?? 0),
    0,
  );
  return size <= MAX_CHECKED_BYTES;
}
