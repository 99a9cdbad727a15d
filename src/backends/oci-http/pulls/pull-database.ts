import type { Database } from "bun:sqlite";
import { type Digest, digestFromBytes, digestToBytes } from "../../../primitives/digest.ts";
import { openOrRemove } from "../../../primitives/sqlite/database-file.ts";
import { type DatabaseSchema, openDatabase } from "../../../primitives/sqlite/open-database.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Pull } from "./pull-notes.ts";

const SCHEMA: DatabaseSchema = {
  version: 1,
  sql: `
    CREATE TABLE since (hour INTEGER NOT NULL); -- from when on pulls were noted, in hours since the epoch
    CREATE TABLE pulls (
      repository TEXT NOT NULL,
      digest BLOB NOT NULL, -- of a manifest
      hour INTEGER NOT NULL, -- of the last pull, in hours since the epoch
      PRIMARY KEY (repository, digest)
    ) WITHOUT ROWID`,
  check: () => undefined,
};

interface Row {
  readonly repository: RepositoryName;
  readonly digest: Uint8Array;
  readonly hour: number;
}

/** The last pulls of a store's manifests in a file. Rows have no checksums: a loss keeps what it is about for longer. */
export class PullDatabase {
  readonly #db: Database;

  /** A damaged file is replaced by an empty one, and `damaged` is called with the reason. */
  constructor(path: string, damaged: (reason: string) => void) {
    this.#db = openOrRemove(path, () => openDatabase(path, SCHEMA), damaged);
  }

  /** From when on pulls were noted; the first caller's `hour` is kept, until an earlier one comes. */
  since(hour: number): number {
    const [row] = this.#db.query<{ hour: number }, []>("SELECT min(hour) AS hour FROM since").all();
    const known = row?.hour ?? Number.POSITIVE_INFINITY;
    if (hour >= known) return known;
    this.#db.transaction(() => {
      this.#db.run("DELETE FROM since");
      this.#db.run("INSERT INTO since VALUES (?)", [hour]);
    })();
    return hour;
  }

  add(pulls: readonly Pull[]): void {
    const add = this.#db.query(
      `INSERT INTO pulls VALUES (?, ?, ?)
        ON CONFLICT DO UPDATE SET hour = excluded.hour WHERE excluded.hour > hour`,
    );
    this.#db.transaction(() => {
      for (const { repository, digest, hour } of pulls) add.run(repository, digestToBytes(digest), hour);
    })();
  }

  hourOf(repository: RepositoryName, digest: Digest): number | undefined {
    const sql = "SELECT hour FROM pulls WHERE repository = ? AND digest = ?";
    return this.#db
      .query<{ hour: number }, [string, Buffer]>(sql)
      .get(repository, Buffer.from(digestToBytes(digest)))?.hour;
  }

  /** The last pull of any manifest of a repository. */
  hourIn(repository: RepositoryName): number | undefined {
    const sql = "SELECT max(hour) AS hour FROM pulls WHERE repository = ?";
    return this.#db.query<{ hour: number | null }, [string]>(sql).get(repository)?.hour ?? undefined;
  }

  /** Up to `limit` rows after one, in their order. */
  after(last: Pick<Pull, "repository" | "digest"> | undefined, limit: number): Pull[] {
    const sql = "SELECT * FROM pulls WHERE (repository, digest) > (?, ?) ORDER BY repository, digest LIMIT ?";
    const from = last ? Buffer.from(digestToBytes(last.digest)) : Buffer.of();
    return this.#db
      .query<Row, [string, Buffer, number]>(sql)
      .all(last?.repository ?? "", from, limit)
      .map(({ repository, digest, hour }) => ({ repository, digest: digestFromBytes(digest), hour }));
  }

  forget(pulls: readonly Pick<Pull, "repository" | "digest">[]): void {
    const forget = this.#db.query("DELETE FROM pulls WHERE repository = ? AND digest = ?");
    this.#db.transaction(() => {
      for (const { repository, digest } of pulls) forget.run(repository, digestToBytes(digest));
    })();
  }

  close(): void {
    this.#db.close();
  }
}
