/*
 * This folder opens, checks, replaces and locks SQLite files. It knows no table of the application, and imports only
 * `primitives/fs`. No code outside of it opens a database.
 */
import { Database } from "bun:sqlite";
import { closeSync, openSync } from "node:fs";
import { checkHeader, damageIn } from "./database-damage.ts";
import { isSmall, MEMORY } from "./database-file.ts";
import { checkPages, checkSchema, versionOf } from "./schema-checks.ts";

export interface DatabaseSchema {
  /** Incremented whenever the tables change their meaning. */
  readonly version: number;
  readonly sql: string;
  /** Migrates the tables from another version. Without it, a file of another version is emptied. */
  readonly upgrade?: (db: Database) => void;
  /** Log size, in pages, at which SQLite checkpoints it; default: SQLite's. */
  readonly checkpointPages?: number;
  /** Throws `DamagedDatabaseError` for a damaged row. */
  check(db: Database): void;
}

/** For a database that every commit changes: pages that change often are then written back once for many commits. */
export const DERIVED_CHECKPOINT_PAGES = 8000;

const BUSY_MS = 5000;

/**
 * Opens or creates a file for writing. A power cut may lose the last transactions; a caller that must not lose them syncs
 * the log. For a damaged file, throws `DamagedDatabaseError` or SQLite's error; see `damageIn`.
 */
export function openDatabase(path: string, schema: DatabaseSchema): Database {
  if (path !== MEMORY) checkHeader(path);
  const db = create(path);
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

function create(path: string): Database {
  try {
    return new Database(path, { create: true, strict: true });
  } catch (error) {
    // SQLite does not say why a file can't be opened; the system does.
    if (path !== MEMORY) closeSync(openSync(path, "a"));
    throw error;
  }
}

/** Opens a file for reading while others may write to it. Damage is found only when it is read. */
export function openForReading(path: string): Database {
  const db = new Database(path, { readonly: true, strict: true });
  try {
    db.run(`PRAGMA busy_timeout = ${BUSY_MS}`);
    // Opens the log now, because it may be replaced later.
    db.query("SELECT 1 FROM sqlite_schema").get();
  } catch (error) {
    if (damageIn(error) !== undefined) return db;
    db.close();
    throw error;
  }
  return db;
}

/** Opens a file to check it, without creating or changing anything; a remaining log is read. */
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

/** Drops all content and creates the tables. */
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
