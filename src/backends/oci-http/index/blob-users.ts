import type { Database } from "bun:sqlite";
import { type Digest, digestFromBytes, digestToBytes } from "../../../primitives/digest.ts";
import { checkRow } from "../../../primitives/sqlite/row-sum.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";

/** Rows read at once. */
const BATCH = 1000;

/** A repository in the index, with its counts. */
export interface IndexedCounts {
  readonly id: number;
  readonly repository: RepositoryName;
  readonly tags: number;
  readonly manifests: number;
  readonly manifestBytes: number;
}

/** Reads which repositories use which blobs, in batches. Changes meanwhile may or may not be seen. */
export class BlobUsers {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Each blob that a manifest names as config or layer, with the ids of the repositories of these manifests. */
  *blobs(): Generator<{ readonly blob: Digest; readonly repositories: readonly number[] }> {
    const query = this.#db.query<
      { blob: Uint8Array; repository: number },
      [Uint8Array, Uint8Array, number, number]
    >(
      `SELECT blob, repository FROM manifest_blobs WHERE blob >= ? AND (blob, repository) > (?, ?)
        GROUP BY blob, repository ORDER BY blob, repository LIMIT ?`,
    );
    let blob: Uint8Array | undefined;
    let repositories: number[] = [];
    for (let [last, id] = [new Uint8Array(), -1]; ; ) {
      const rows = query.all(last, last, id, BATCH);
      for (const row of rows) {
        if (blob && Buffer.compare(blob, row.blob) !== 0) {
          yield { blob: digestFromBytes(blob), repositories };
          repositories = [];
        }
        blob = row.blob;
        repositories.push(row.repository);
        last = row.blob as Uint8Array<ArrayBuffer>;
        id = row.repository;
      }
      if (rows.length < BATCH) break;
    }
    if (blob) yield { blob: digestFromBytes(blob), repositories };
  }

  /** The content of any manifest that names the blob. */
  manifestNaming(blob: Digest): Uint8Array | undefined {
    const sql =
      "SELECT content FROM manifests WHERE id = (SELECT manifest FROM manifest_blobs WHERE blob = ? LIMIT 1)";
    return this.#db.query<{ content: Uint8Array }, [Buffer]>(sql).get(digestToBytes(blob))?.content;
  }

  /** The repositories that hold a manifest. */
  *repositories(): Generator<IndexedCounts> {
    const query = this.#db.query<IndexedCounts & { sum: number }, [number, number]>(
      `SELECT id, name AS repository, sum, bytes AS manifestBytes,
        (SELECT count(*) FROM tags WHERE repository = r.id) AS tags,
        (SELECT count(*) FROM manifests WHERE repository = r.id) AS manifests
      FROM repositories r WHERE id > ? AND EXISTS (SELECT 1 FROM manifests m WHERE m.repository = r.id)
      ORDER BY id LIMIT ?`,
    );
    for (let last = -1; ; ) {
      const row = query.all(last, 1)[0];
      if (!row) return;
      const { sum, ...counts } = row;
      checkRow(this.#db, sum, counts.repository);
      yield counts;
      last = counts.id;
    }
  }
}
