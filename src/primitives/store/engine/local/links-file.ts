import type { Database, Statement } from "bun:sqlite";
import { closeSync, openSync } from "node:fs";
import type { Digest } from "../../../digest.ts";
import { syncFileData } from "../../../fs/durable.ts";
import { openDatabase } from "../../../sqlite/open-database.ts";
import { checkRow, rowSum } from "../../../sqlite/row-sum.ts";
import { checkPages } from "../../../sqlite/schema-checks.ts";
import type { Link, LinkOptions, LinkStore, OpenLinkReader } from "../links.ts";
import { checkLinks, LINKS_SCHEMA } from "./links-database.ts";

interface LinkRow {
  readonly scope: string;
  readonly digest: Digest;
  readonly linked_at: number;
  readonly sum: number;
}

/** Links in a database that another thread may be writing to. Throws `DamagedDatabaseError` where a row has another sum. */
export class LinksFileReader implements OpenLinkReader {
  readonly #database: Database;

  constructor(db: Database) {
    this.#database = db;
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
    this.#database.close();
  }

  protected select(where: string, ...values: (string | number)[]): LinkRow[] {
    const sql = `SELECT scope, digest, linked_at, sum FROM blob_links WHERE ${where}`;
    const rows = this.#database.query<LinkRow, (string | number)[]>(sql).all(...values);
    for (const { scope, digest, linked_at, sum } of rows)
      checkRow(this.#database, sum, scope, digest, linked_at);
    return rows;
  }
}

/** Links in a database file that one thread writes to. */
export class LinksFile extends LinksFileReader implements LinkStore {
  readonly path: string;
  readonly #db: Database;
  readonly #walFd: number;
  readonly #insert: Statement<unknown, [string, string, number, number]>;
  readonly #remove: Statement<unknown, [string, string]>;
  readonly #changed: LinkOptions["changed"];
  #syncing: Promise<void> | undefined;
  #nextSync: Promise<void> | undefined;

  constructor(path: string, changed: LinkOptions["changed"]) {
    const db = openDatabase(path, LINKS_SCHEMA);
    super(db);
    this.path = path;
    this.#changed = changed;
    this.#db = db;
    try {
      this.#walFd = openSync(`${path}-wal`, "r+");
    } catch (error) {
      db.close();
      throw error;
    }
    this.#insert = this.#db.query(
      `INSERT INTO blob_links VALUES (?, ?, ?, ?)
        ON CONFLICT DO UPDATE SET linked_at = excluded.linked_at, sum = excluded.sum`,
    );
    this.#remove = this.#db.query("DELETE FROM blob_links WHERE scope = ? AND digest = ?");
  }

  add(scope: string, digest: Digest): Promise<void> {
    this.#put(scope, digest, Math.floor(Date.now() / 1000));
    this.#changed(scope, "change");
    return this.#sync();
  }

  async remove(scope: string, digest: Digest): Promise<boolean> {
    const { changes } = this.#remove.run(scope, digest);
    this.#changed(scope, "removal");
    if (changes > 0) await this.#sync();
    return changes > 0;
  }

  async blobsOf(scope: string): Promise<Digest[]> {
    return this.select("scope = ?", scope).map((row) => row.digest);
  }

  async olderThan(seconds: number, last: Link | undefined, limit: number): Promise<Link[]> {
    const where = "(scope, digest) > (?, ?) AND linked_at < ? ORDER BY scope, digest LIMIT ?";
    return this.select(where, last?.scope ?? "", last?.digest ?? "", seconds, limit).map(
      ({ scope, digest }) => ({ scope, digest }),
    );
  }

  async isLinkedSince(digest: Digest, seconds: number): Promise<boolean> {
    return this.select("digest = ? AND linked_at >= ? LIMIT 1", digest, seconds).length > 0;
  }

  async linkedSince(digests: readonly Digest[], seconds: number): Promise<Set<Digest>> {
    const where = "digest IN (SELECT value FROM json_each(?)) AND linked_at >= ?";
    return new Set(this.select(where, JSON.stringify(digests), seconds).map(({ digest }) => digest));
  }

  async drop(scope: string, digest: Digest, isUnneeded: () => boolean): Promise<void> {
    const sql = "DELETE FROM blob_links WHERE scope = ? AND digest = ? RETURNING linked_at AS linkedAt";
    const link = this.#db.query<{ linkedAt: number }, [string, string]>(sql).get(scope, digest);
    this.#changed(scope, "removal");
    if (!link || isUnneeded()) return;
    this.#put(scope, digest, link.linkedAt);
    this.#changed(scope, "change");
  }

  /** Looks through the whole file. Throws `DamagedDatabaseError`, or what SQLite says, where it is damaged. */
  check(): void {
    checkPages(this.#db);
    checkLinks(this.#db);
  }

  override async close(): Promise<void> {
    await this.#nextSync;
    await this.#syncing;
    closeSync(this.#walFd);
    this.#db.close();
  }

  #put(scope: string, digest: Digest, seconds: number): void {
    this.#insert.run(scope, digest, seconds, rowSum(scope, digest, seconds));
  }

  /** A sync under way may have missed what was just written: all who come meanwhile share the next one. */
  #sync(): Promise<void> {
    if (!this.#syncing) return this.#startSync();
    this.#nextSync ??= this.#syncing
      .catch(() => undefined)
      .then(() => {
        this.#nextSync = undefined;
        return this.#startSync();
      });
    return this.#nextSync;
  }

  #startSync(): Promise<void> {
    this.#syncing = syncFileData(this.#walFd).finally(() => {
      this.#syncing = undefined;
    });
    return this.#syncing;
  }
}
