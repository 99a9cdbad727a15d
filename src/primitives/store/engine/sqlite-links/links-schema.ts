import type { Database } from "bun:sqlite";
import { checkRow } from "../../../sqlite/row-sum.ts";

// What may live in this folder: links in SQLite files, as engines have them that keep links on this machine, or a copy of
// them. It imports the interfaces and `primitives/sqlite`.

export const LINKS = "links.sqlite";
/** Takes the place of a damaged one, and has its name again after a stop. */
export const REBUILT_LINKS = "links.rebuilt.sqlite";

export const LINKS_TABLE = `
  CREATE TABLE blob_links (
    scope TEXT NOT NULL,
    digest TEXT NOT NULL,
    linked_at INTEGER NOT NULL, -- seconds since the epoch
    sum INTEGER NOT NULL, -- of the three, by rowSum
    PRIMARY KEY (scope, digest)
  ) WITHOUT ROWID;
  CREATE INDEX blob_links_by_digest ON blob_links (digest)`;

export interface LinkRow {
  readonly scope: string;
  readonly digest: string;
  readonly linked_at: number;
  readonly sum: number;
}

/** Looks at every row. Throws `DamagedDatabaseError` for one that is not as it was written. */
export function checkLinks(db: Database): void {
  const rows = db.query<LinkRow, []>("SELECT scope, digest, linked_at, sum FROM blob_links").iterate();
  for (const { scope, digest, linked_at, sum } of rows) checkRow(db, sum, scope, digest, linked_at);
}
