import type { Database } from "bun:sqlite";
import { dirname } from "node:path";
import { parseDigest } from "../../../digest.ts";
import { syncDirectory, syncFileAt, syncFileBlocking } from "../../../fs/durable.ts";
import { DamagedDatabaseError, damageIn } from "../../../sqlite/database-damage.ts";
import { removeDatabase, renameDatabase } from "../../../sqlite/database-file.ts";
import { type DatabaseSchema, openDatabase, openForReading } from "../../../sqlite/open-database.ts";
import { rowSum } from "../../../sqlite/row-sum.ts";
import { checkPages } from "../../../sqlite/schema-checks.ts";
import type { DatedLink } from "../links.ts";
import { checkLinks, LINKS_TABLE, type LinkRow } from "../sqlite-links/links-schema.ts";

/** The links are synced by those who add them, one sync of the log for all who wait; see `LinksFile`. */
export const LINKS_SCHEMA: DatabaseSchema = {
  version: 1,
  sql: LINKS_TABLE,
  upgrade: createTables,
  check: checkLinks,
};

/** What can still be read of a damaged file. */
export function salvageLinks(path: string): DatedLink[] {
  const found = new Map<string, DatedLink>();
  ignoreDamage(() => {
    const db = openForReading(path);
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
export function createLinks(path: string, links: Iterable<DatedLink>): void {
  const db = openDatabase(path, LINKS_SCHEMA);
  try {
    db.transaction(() => {
      const insert = db.query("INSERT OR IGNORE INTO blob_links VALUES (?, ?, ?, ?)");
      for (const { scope, digest, linkedAt } of links)
        insert.run(scope, digest, linkedAt, rowSum(scope, digest, linkedAt));
    })();
  } finally {
    db.close();
  }
  syncFileBlocking(path);
}

/** Writes a file of links in place of the one that may be there, as a whole and durably. */
export async function writeLinks(path: string, pages: AsyncIterable<readonly DatedLink[]>): Promise<void> {
  const temporary = `${path}.copying`;
  removeDatabase(temporary);
  const db = openDatabase(temporary, LINKS_SCHEMA);
  try {
    const insert = db.query("INSERT INTO blob_links VALUES (?, ?, ?, ?)");
    for await (const page of pages) {
      db.transaction(() => {
        for (const { scope, digest, linkedAt } of page)
          insert.run(scope, digest, linkedAt, rowSum(scope, digest, linkedAt));
      })();
    }
  } finally {
    db.close();
  }
  await syncFileAt(temporary);
  removeDatabase(path);
  renameDatabase(temporary, path);
  await syncDirectory(dirname(path));
}

/** Earlier versions wrote no sum. */
type Row = Omit<LinkRow, "sum"> & Partial<LinkRow>;

function addSound(found: Map<string, DatedLink>, { scope, digest, linked_at, sum }: Row): void {
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

/** Links of earlier versions had no sums, and a table of another name. */
function createTables(db: Database): void {
  const has = (table: string) => db.query("SELECT 1 FROM sqlite_schema WHERE name = ?").get(table) !== null;
  if (has("blob_links"))
    throw new DamagedDatabaseError(db.filename, "it is of another version than its tables");
  const hasOld = has("links");
  if (hasOld) checkPages(db);
  db.run(LINKS_TABLE);
  if (!hasOld) return;
  const insert = db.query("INSERT INTO blob_links VALUES (?, ?, ?, ?)");
  const rows = db.query<Row, []>("SELECT scope, digest, linked_at FROM links").iterate();
  for (const { scope, digest, linked_at } of rows)
    insert.run(scope, digest, linked_at, rowSum(scope, digest, linked_at));
  db.run("DROP TABLE links");
}
