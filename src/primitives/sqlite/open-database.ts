/*
 * Everything that SQLite files have in common lies in this folder: how they are opened, checked, replaced and locked. It
 * knows no table of ours, and imports only `primitives/fs`. No other file opens a database.
 */
import { Database } from "bun:sqlite";
import { checkHeader, damageIn } from "./database-damage.ts";
import { isSmall, MEMORY } from "./database-file.ts";
import { checkPages, checkSchema, versionOf } from "./schema-checks.ts";

export interface DatabaseSchema {
  /** Raised whenever the tables change their meaning. */
  readonly version: number;
  readonly sql: string;
  /** Brings the tables of another version to this one. Without it, a file of another version is emptied. */
  readonly upgrade?: (db: Database) => void;
  /** Pages of the log after which SQLite writes it back; otherwise SQLite's own choice. */
  readonly checkpointPages?: number;
  /** Throws `DamagedDatabaseError` for a row that is not as it was written. */
  check(db: Database): void;
}

/** Of a database that commits change: pages that change often are then written back once for many commits. */
export const DERIVED_CHECKPOINT_PAGES = 8000;

const BUSY_MS = 5000;

/**
 * Opens a file for writing, or makes it. A power cut may take the last transactions: whoever must not lose them syncs the
 * log. Throws `DamagedDatabaseError`, or what SQLite says, where the file is damaged; see `damageIn`.
 */
export function openDatabase(path: string, schema: DatabaseSchema): Database {
  if (path !== MEMORY) checkHeader(path);
  const db = new Database(path, { create: true, strict: true });
  try {
    db.run(`PRAGMA busy_timeout = ${BUSY_MS}`);
    db.run("PRAGMA journal_mode = WAL");
    db.run("PRAGMA synchronous = NORMAL");
    if (schema.checkpointPages !== undefined) db.run(`PRAGMA wal_autocheckpoint = ${schema.checkpointPages}`);
    if (versionOf(db) !== schema.version) {
      const { upgrade } = schema;
      if (upgrade) makeTables(db, schema.version, () => upgrade(db));
      else createSchema(db, schema);
    }
    checkSchema(db, schema);
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

/** Opens a file that others may write to. A damaged file is opened as well: the first who reads from it finds the damage. */
export function openForReading(path: string): Database {
  const db = new Database(path, { readonly: true, strict: true });
  try {
    db.run(`PRAGMA busy_timeout = ${BUSY_MS}`);
    // Opens the log at once: later there may be another one of that name.
    db.query("SELECT 1 FROM sqlite_schema").get();
  } catch (error) {
    if (damageIn(error) !== undefined) return db;
    db.close();
    throw error;
  }
  return db;
}

/** Opens a file to look through it; nothing is made or changed, but a log that was left is read. */
export function openForInspection(path: string): Database {
  checkHeader(path);
  const db = new Database(path, { readwrite: true, create: false, strict: true });
  try {
    db.run(`PRAGMA busy_timeout = ${BUSY_MS}`);
  } catch (error) {
    db.close();
    throw error;
  }
  return db;
}

/** Drops what the database holds and makes its tables. */
export function createSchema(db: Database, { sql, version }: Pick<DatabaseSchema, "sql" | "version">): void {
  makeTables(db, version, () => {
    const tables = db
      .query<{ name: string }, []>(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
      )
      .all();
    for (const { name } of tables) db.run(`DROP TABLE "${name}"`);
    db.run(sql);
  });
}

function makeTables(db: Database, version: number, make: () => void): void {
  db.transaction(() => {
    make();
    db.run(`PRAGMA user_version = ${version}`);
  })();
}
