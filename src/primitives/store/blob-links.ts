import { Database, type Statement } from "bun:sqlite";
import { closeSync, openSync } from "node:fs";
import type { Digest } from "../digest.ts";
import { syncFileData } from "./durable.ts";
import type { ScopeClock } from "./scope-clock.ts";

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS links (
    scope TEXT NOT NULL,
    digest TEXT NOT NULL,
    linked_at INTEGER NOT NULL, -- seconds since the epoch
    PRIMARY KEY (scope, digest)
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS links_by_digest ON links (digest)`;

/** What requests ask of links. */
export interface LinkReader {
  has(scope: string, digest: Digest): boolean;
  /** Up to `limit` scopes that are linked to the blob. */
  scopesOf(digest: Digest, limit: number): string[];
}

export const NO_LINKS: LinkReader = { has: () => false, scopesOf: () => [] };

/** Links in a database that somebody else may be writing to. */
export class StoredLinks implements LinkReader {
  readonly #select: Statement<unknown, [string, string]>;
  readonly #scopes: Statement<{ scope: string }, [string, number]>;

  constructor(db: Database) {
    this.#select = db.query("SELECT 1 FROM links WHERE scope = ? AND digest = ?");
    this.#scopes = db.query("SELECT scope FROM links WHERE digest = ? LIMIT ?");
  }

  has(scope: string, digest: Digest): boolean {
    return this.#select.get(scope, digest) !== null;
  }

  scopesOf(digest: Digest, limit: number): string[] {
    return this.#scopes.all(digest, limit).map((row) => row.scope);
  }
}

/**
 * Which blobs were uploaded or mounted to which scope (a repository), in a file of its own: unlike the index this can't
 * be derived from the commits.
 */
export class BlobLinks extends StoredLinks {
  readonly #db: Database;
  readonly #walFd: number;
  readonly #insert: Statement<unknown, [string, string, number]>;
  readonly #remove: Statement<unknown, [string, string]>;
  readonly #clock: ScopeClock;
  #syncing: Promise<void> | undefined;
  #nextSync: Promise<void> | undefined;

  /** `clock` is moved for each scope whose links change. */
  constructor(path: string, clock: ScopeClock) {
    const db = openLinks(path);
    super(db);
    this.#clock = clock;
    this.#db = db;
    this.#walFd = openSync(`${path}-wal`, "r+");
    this.#insert = this.#db.query(
      "INSERT INTO links VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET linked_at = excluded.linked_at",
    );
    this.#remove = this.#db.query("DELETE FROM links WHERE scope = ? AND digest = ?");
  }

  /** Resolves when the link would survive a power cut. */
  add(scope: string, digest: Digest): Promise<void> {
    this.#insert.run(scope, digest, Math.floor(Date.now() / 1000));
    this.#clock.advance(scope, "change");
    return this.#sync();
  }

  /** False if there was no such link. */
  async remove(scope: string, digest: Digest): Promise<boolean> {
    const { changes } = this.#remove.run(scope, digest);
    this.#clock.advance(scope, "removal");
    if (changes > 0) await this.#sync();
    return changes > 0;
  }

  /** Every blob that is linked to the scope. */
  blobsOf(scope: string): Digest[] {
    const sql = "SELECT digest FROM links WHERE scope = ?";
    return this.#db
      .query<{ digest: Digest }, [string]>(sql)
      .all(scope)
      .map((row) => row.digest);
  }

  /** Up to `limit` links made before `seconds` (since the epoch), after `last` in their order. */
  olderThan(
    seconds: number,
    last: { readonly scope: string; readonly digest: Digest } | undefined,
    limit: number,
  ): { readonly scope: string; readonly digest: Digest }[] {
    const sql = `SELECT scope, digest FROM links WHERE (scope, digest) > (?, ?) AND linked_at < ?
      ORDER BY scope, digest LIMIT ?`;
    return this.#db
      .query<{ scope: string; digest: Digest }, [string, string, number, number]>(sql)
      .all(last?.scope ?? "", last?.digest ?? "", seconds, limit);
  }

  /** Whether any scope was linked to the blob since `seconds` (since the epoch). */
  isLinkedSince(digest: Digest, seconds: number): boolean {
    const sql = "SELECT 1 FROM links WHERE digest = ? AND linked_at >= ? LIMIT 1";
    return this.#db.query(sql).get(digest, seconds) !== null;
  }

  /** Removes a link unless, once nobody can see it any more, it is needed after all. A crash may bring it back. */
  drop(scope: string, digest: Digest, isUnneeded: () => boolean): void {
    const sql = "DELETE FROM links WHERE scope = ? AND digest = ? RETURNING linked_at AS linkedAt";
    const link = this.#db.query<{ linkedAt: number }, [string, string]>(sql).get(scope, digest);
    this.#clock.advance(scope, "removal");
    if (!link || isUnneeded()) return;
    this.#insert.run(scope, digest, link.linkedAt);
    this.#clock.advance(scope, "change");
  }

  async close(): Promise<void> {
    await this.#nextSync;
    await this.#syncing;
    closeSync(this.#walFd);
    this.#db.close();
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

function openLinks(path: string): Database {
  const db = new Database(path, { create: true, strict: true });
  // NORMAL leaves syncing the log to us: one sync off the event loop then serves every link that waits for it.
  db.run("PRAGMA journal_mode = WAL");
  db.run("PRAGMA synchronous = NORMAL");
  db.run("PRAGMA busy_timeout = 5000");
  db.run(SCHEMA);
  return db;
}
