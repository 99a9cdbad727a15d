import type { Database } from "bun:sqlite";
import { existsSync } from "node:fs";
import type { Digest } from "../../../digest.ts";
import { openForReading } from "../../../sqlite/open-database.ts";
import { checkRow } from "../../../sqlite/row-sum.ts";
import type { OpenLinkReader } from "../links.ts";
import { LINKS, type LinkRow, REBUILT_LINKS } from "./links-schema.ts";

/** A row that was checked. */
interface SoundRow extends LinkRow {
  readonly digest: Digest;
}

/** Links in a database that another thread may be writing to. Throws `DamagedDatabaseError` where a row has another sum. */
export class LinksReader implements OpenLinkReader {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async has(scope: string, digest: Digest): Promise<boolean> {
    return this.select("scope = ? AND digest = ?", scope, digest).length > 0;
  }

  async hasAny(scope: string): Promise<boolean> {
    return this.select("scope = ? LIMIT 1", scope).length > 0;
  }

  async scopesOf(digest: Digest, limit: number): Promise<string[]> {
    return this.select("digest = ? LIMIT ?", digest, limit).map((row) => row.scope);
  }

  close(): void {
    this.#db.close();
  }

  protected select(where: string, ...values: (string | number)[]): SoundRow[] {
    const sql = `SELECT scope, digest, linked_at, sum FROM blob_links WHERE ${where}`;
    const rows = this.#db.query<SoundRow, (string | number)[]>(sql).all(...values);
    for (const { scope, digest, linked_at, sum } of rows) checkRow(this.#db, sum, scope, digest, linked_at);
    return rows;
  }
}

/** Opens the links in a directory, which their owner has open. */
export function readLinksIn(dir: string): OpenLinkReader {
  const path = [REBUILT_LINKS, LINKS].map((name) => `${dir}/${name}`).find((file) => existsSync(file));
  return new LinksReader(openForReading(path ?? `${dir}/${LINKS}`));
}
