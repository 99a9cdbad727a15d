import type { Database } from "bun:sqlite";
import { digestAlgorithm, digestFromBytes, digestOf } from "../../../primitives/digest.ts";
import { DamagedDatabaseError } from "../../../primitives/sqlite/database-damage.ts";
import { checkRow } from "../../../primitives/sqlite/row-sum.ts";

type Value = string | number | null | Uint8Array;

/** The columns that each checksum in the index covers, in order, with the repository's name instead of its id. */
const SUMMED = [
  "SELECT sum, name FROM repositories",
  "SELECT t.sum, name, tag, digest FROM tags t LEFT JOIN repositories r ON r.id = repository",
  "SELECT m.sum, name, digest, media_type FROM manifests m LEFT JOIN repositories r ON r.id = repository",
  "SELECT b.sum, name, blob, manifest FROM manifest_blobs b LEFT JOIN repositories r ON r.id = repository",
  `SELECT f.sum, name, subject, digest, artifact_type, descriptor
    FROM referrers f LEFT JOIN repositories r ON r.id = repository`,
];

/** Throws `DamagedDatabaseError` for a row that does not match its checksum. */
export function checkRows(db: Database): void {
  for (const sql of SUMMED) {
    const rows = db.query(sql).values() as [sum: number, ...values: Value[]][];
    for (const [sum, ...values] of rows) checkRow(db, sum, ...values);
  }
  const manifests = db.query<{ digest: Uint8Array; content: Uint8Array }, []>(
    "SELECT digest, content FROM manifests",
  );
  for (const { digest, content } of manifests.iterate()) {
    const expected = digestFromBytes(digest);
    if (!(content instanceof Uint8Array) || digestOf(content, digestAlgorithm(expected)) !== expected)
      throw new DamagedDatabaseError(db.filename, `the manifest ${expected} has another digest`);
  }
}
