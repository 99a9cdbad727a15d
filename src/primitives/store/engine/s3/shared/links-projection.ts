import type { Database } from "bun:sqlite";
import type { DatabaseSchema } from "../../../../sqlite/open-database.ts";
import { checkRow, rowSum } from "../../../../sqlite/row-sum.ts";
import type { LinkOptions } from "../../links.ts";
import { checkLinks, LINKS_TABLE } from "../../sqlite-links/links-schema.ts";
import { LinksTable } from "../../sqlite-links/links-table.ts";
import type { S3LogRecord } from "../log/log-entry.ts";
import type { RecordProjection } from "../log/record-replay.ts";

interface PositionRow {
  readonly entry: number;
  readonly sum: number;
}

/** A file of another version is emptied: the log has all that is in it. */
export const PROJECTION_SCHEMA: DatabaseSchema = {
  version: 1001,
  sql: `${LINKS_TABLE};
  CREATE TABLE log_position (
    entry INTEGER NOT NULL, -- number of the last one that was applied
    sum INTEGER NOT NULL -- of it, by rowSum
  )`,
  check: (db) => {
    checkLinks(db);
    positionIn(db);
  },
};

/**
 * The links that the records of a log lead to, in a file that may be lost. A link is as young as its youngest record, so
 * that applying records again changes nothing but for removals that are applied again as well.
 */
export class LinksProjection extends LinksTable implements RecordProjection {
  readonly #changed: LinkOptions["changed"];

  constructor(path: string, changed: LinkOptions["changed"]) {
    super(path, PROJECTION_SCHEMA);
    this.#changed = changed;
  }

  /** The number of the last entry of the log that was applied; 0 if it is empty. */
  get position(): number {
    return positionIn(this.db);
  }

  /** Takes in the records of entries, whole or not at all. */
  apply(records: readonly S3LogRecord[], entry: number): void {
    this.db.transaction(() => {
      for (const record of records) this.#applyOne(record);
      this.#setPosition(entry);
    })();
    for (const { scope, kind } of records) this.#changed(scope, kind === "link" ? "change" : "removal");
  }

  /** Forgets everything. */
  reset(): void {
    this.db.transaction(() => {
      this.db.run("DELETE FROM blob_links");
      this.#setPosition(0);
    })();
  }

  #applyOne({ kind, scope, digest, seconds }: S3LogRecord): void {
    const linkedAt = this.linkedAt(scope, digest) ?? 0;
    if (kind === "link") this.put(scope, digest, Math.max(seconds, linkedAt));
    else if (linkedAt <= seconds) this.delete(scope, digest);
  }

  #setPosition(entry: number): void {
    this.db.run("DELETE FROM log_position");
    this.db.query("INSERT INTO log_position VALUES (?, ?)").run(entry, rowSum(entry));
  }
}

function positionIn(db: Database): number {
  const row = db.query<PositionRow, []>("SELECT entry, sum FROM log_position").get();
  if (!row) return 0;
  checkRow(db, row.sum, row.entry);
  return row.entry;
}
