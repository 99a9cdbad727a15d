import { Database } from "bun:sqlite";
import { DamagedDatabaseError } from "./database-damage.ts";
import { MEMORY } from "./database-file.ts";

/** Throws `DamagedDatabaseError` unless SQLite's integrity check of pages and indexes passes. */
export function checkPages(db: Database): void {
  const found = db.query<{ integrity_check: string }, []>("PRAGMA integrity_check(1)").get()?.integrity_check;
  // The last line has the finding.
  if (found !== "ok")
    throw new DamagedDatabaseError(db.filename, found?.split("\n").at(-1) ?? "it can't be checked");
}

/** Throws `DamagedDatabaseError` unless the tables are those that `sql` creates. */
export function checkSchema(db: Database, { sql }: { readonly sql: string }): void {
  const model = new Database(MEMORY, { strict: true });
  try {
    model.run(sql);
    if (tablesOf(db) !== tablesOf(model))
      throw new DamagedDatabaseError(db.filename, "its tables are not those that were made");
  } finally {
    model.close();
  }
}

export function versionOf(db: Database): number | undefined {
  return db.query<{ user_version: number }, []>("PRAGMA user_version").get()?.user_version;
}

function tablesOf(db: Database): string {
  const sql = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name";
  return JSON.stringify(db.query(sql).values());
}
