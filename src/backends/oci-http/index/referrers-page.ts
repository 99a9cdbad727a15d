import type { Database } from "bun:sqlite";
import type { Digest } from "../../../primitives/digest.ts";
import { checkRow } from "../../../primitives/sqlite/row-sum.ts";
import type { Page } from "../../../registry/model/page.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Referrer, ReferrersRequest } from "../../../registry/model/storage.ts";

interface ReferrerRow {
  readonly digest: Digest;
  readonly artifactType: string | null;
  readonly descriptor: string;
  readonly sum: number;
}

/** The manifests with this subject, after `last` by digest. Throws `DamagedDatabaseError`. */
export function readReferrers(
  db: Database,
  repository: RepositoryName,
  subject: Digest,
  { artifactType, last, limit, maxBytes }: ReferrersRequest,
): Page<Referrer> {
  const sql = `SELECT digest, artifact_type AS artifactType, descriptor, sum FROM referrers
    WHERE repository = (SELECT id FROM repositories WHERE name = ?1) AND subject = ?2
    ${artifactType === undefined ? "AND ?3 IS NULL" : "AND artifact_type = ?3"}
    AND digest > ?4 ORDER BY digest LIMIT ?5`;
  const rows = db
    .query<ReferrerRow, [string, string, string | null, string, number]>(sql)
    .iterate(repository, subject, artifactType ?? null, last, limit + 1);
  const entries: Referrer[] = [];
  let bytes = 0;
  for (const row of rows) {
    const { descriptor } = row;
    checkRow(db, row.sum, repository, subject, row.digest, row.artifactType, descriptor);
    bytes += Buffer.byteLength(descriptor) + 1;
    if (entries.length === limit || (entries.length > 0 && bytes > maxBytes)) return { entries, more: true };
    entries.push(JSON.parse(descriptor) as Referrer);
  }
  return { entries, more: false };
}
