import type { Database } from "bun:sqlite";
import { type Digest, digestHex, digestToBytes } from "../../../primitives/digest.ts";
import { checkRow } from "../../../primitives/sqlite/row-sum.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Tag } from "../../../registry/model/tag.ts";

/** Tags read at once for a caller that may read any number of them. */
const BATCH = 1000;

/** Queries for the tags that name a manifest. Throws `DamagedDatabaseError` as `OciIndexReader` does. */
export class ManifestTags {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** The tags after `last`, by name, up to `limit` (-1: all); the manifest need not exist. */
  after(last: string, repository: RepositoryName, digest: Digest, limit: number): Tag[] {
    const sql = `WITH r AS (SELECT id FROM repositories WHERE name = ?1)
      SELECT tag, sum FROM tags INDEXED BY tags_by_manifest WHERE manifest IS (SELECT id FROM manifests WHERE repository = (SELECT id FROM r) AND digest = ?2)
      AND repository = (SELECT id FROM r) AND digest = ?2 AND tag > ?4 ORDER BY tag LIMIT ?3`;
    return this.#db
      .query<{ tag: Tag; sum: number }, [string, Buffer, number, string]>(sql)
      .all(repository, digestToBytes(digest), limit, last)
      .map(({ tag, sum }) => {
        checkRow(this.#db, sum, repository, tag, digestHex(digest));
        return tag;
      });
  }

  /** Yields all tags, by name. */
  *each(repository: RepositoryName, digest: Digest): Generator<Tag> {
    for (let last: string | undefined = ""; last !== undefined; ) {
      const tags: readonly Tag[] = this.after(last, repository, digest, BATCH);
      yield* tags;
      last = tags.length === BATCH ? tags.at(-1) : undefined;
    }
  }

  /** How many tags name a manifest that is there, up to `most`. */
  count(repository: RepositoryName, digest: Digest, most: number): number {
    const sql = `WITH r AS (SELECT id FROM repositories WHERE name = ?1)
      SELECT count(*) AS count FROM (SELECT 1 FROM tags INDEXED BY tags_by_manifest
        WHERE manifest = (SELECT id FROM manifests WHERE repository = (SELECT id FROM r) AND digest = ?2)
        AND repository = (SELECT id FROM r) LIMIT ?3)`;
    const query = this.#db.query<{ count: number }, [string, Buffer, number]>(sql);
    return query.get(repository, digestToBytes(digest), most)?.count ?? 0;
  }
}
