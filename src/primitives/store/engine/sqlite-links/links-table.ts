import type { Database, Statement } from "bun:sqlite";
import type { Digest } from "../../../digest.ts";
import { type DatabaseSchema, openDatabase } from "../../../sqlite/open-database.ts";
import { rowSum } from "../../../sqlite/row-sum.ts";
import { checkPages } from "../../../sqlite/schema-checks.ts";
import type { DatedLink, Link, LinkStore } from "../links.ts";
import { LinksReader } from "./links-reader.ts";

/** Links in a database that one thread writes to, which see each write at once. */
export class LinksTable extends LinksReader implements Omit<LinkStore, "add" | "remove" | "drop" | "time"> {
  readonly path: string;
  protected readonly db: Database;
  readonly #schema: DatabaseSchema;
  readonly #put: Statement<unknown, [string, string, number, number]>;
  readonly #delete: Statement<unknown, [string, string]>;

  constructor(path: string, schema: DatabaseSchema) {
    const db = openDatabase(path, schema);
    super(db);
    this.path = path;
    this.db = db;
    this.#schema = schema;
    this.#put = db.query(
      `INSERT INTO blob_links VALUES (?, ?, ?, ?)
        ON CONFLICT DO UPDATE SET linked_at = excluded.linked_at, sum = excluded.sum`,
    );
    this.#delete = db.query("DELETE FROM blob_links WHERE scope = ? AND digest = ?");
  }

  async blobsOf(scope: string): Promise<Digest[]> {
    return this.select("scope = ?", scope).map((row) => row.digest);
  }

  async olderThan(seconds: number, last: Link | undefined, limit: number): Promise<DatedLink[]> {
    const where = "(scope, digest) > (?, ?) AND linked_at < ? ORDER BY scope, digest LIMIT ?";
    return this.select(where, last?.scope ?? "", last?.digest ?? "", seconds, limit).map(
      ({ scope, digest, linked_at }) => ({ scope, digest, linkedAt: linked_at }),
    );
  }

  async isLinkedSince(digest: Digest, seconds: number): Promise<boolean> {
    return this.select("digest = ? AND linked_at >= ? LIMIT 1", digest, seconds).length > 0;
  }

  async linkedSince(digests: readonly Digest[], seconds: number): Promise<Set<Digest>> {
    const where = "digest IN (SELECT value FROM json_each(?)) AND linked_at >= ?";
    return new Set(this.select(where, JSON.stringify(digests), seconds).map(({ digest }) => digest));
  }

  /** When the blob was linked to the scope, in seconds since the epoch. */
  linkedAt(scope: string, digest: Digest): number | undefined {
    return this.select("scope = ? AND digest = ?", scope, digest)[0]?.linked_at;
  }

  /** Looks through the whole file. Throws `DamagedDatabaseError`, or what SQLite says, where it is damaged. */
  check(): void {
    checkPages(this.db);
    this.#schema.check(this.db);
  }

  protected put(scope: string, digest: Digest, seconds: number): void {
    this.#put.run(scope, digest, seconds, rowSum(scope, digest, seconds));
  }

  /** Whether there was such a link. */
  protected delete(scope: string, digest: Digest): boolean {
    return this.#delete.run(scope, digest).changes > 0;
  }
}
