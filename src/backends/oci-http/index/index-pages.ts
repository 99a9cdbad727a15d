import type { Database } from "bun:sqlite";
import { type Digest, digestFromBytes, digestToBytes } from "../../../primitives/digest.ts";
import { checkRow } from "../../../primitives/sqlite/row-sum.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Tag } from "../../../registry/model/tag.ts";

interface ManifestRow {
  readonly digest: Uint8Array;
  readonly content: Uint8Array;
  readonly mediaType: string;
  readonly sum: number;
}

export interface IndexedManifest {
  readonly digest: Digest;
  readonly content: Uint8Array;
}

export interface IndexedTag {
  readonly tag: Tag;
  readonly digest: Digest;
}

const OF_REPOSITORY = "repository = (SELECT id FROM repositories WHERE name = ?)";

/** Up to `limit` manifests of a repository after a digest, in an order of their own. Throws `DamagedDatabaseError`. */
export function manifestsAfter(
  db: Database,
  repository: RepositoryName,
  last: Digest | undefined,
  limit: number,
): IndexedManifest[] {
  const sql = `SELECT digest, content, media_type AS mediaType, sum FROM manifests
    WHERE ${OF_REPOSITORY} AND digest > ? ORDER BY digest LIMIT ?`;
  return db
    .query<ManifestRow, [string, Uint8Array, number]>(sql)
    .all(repository, last ? digestToBytes(last) : new Uint8Array(), limit)
    .map(({ digest, content, mediaType, sum }) => {
      checkRow(db, sum, repository, digest, mediaType);
      return { digest: digestFromBytes(digest), content };
    });
}

/** Up to `limit` tags of a repository after a tag, in byte order. Throws `DamagedDatabaseError`. */
export function tagsAfter(
  db: Database,
  repository: RepositoryName,
  last: string,
  limit: number,
): IndexedTag[] {
  const sql = `SELECT tag, digest, sum FROM tags WHERE ${OF_REPOSITORY} AND tag > ? ORDER BY tag LIMIT ?`;
  return db
    .query<{ tag: Tag; digest: Uint8Array; sum: number }, [string, string, number]>(sql)
    .all(repository, last, limit)
    .map(({ tag, digest, sum }) => {
      checkRow(db, sum, repository, tag, digest);
      return { tag, digest: digestFromBytes(digest) };
    });
}
