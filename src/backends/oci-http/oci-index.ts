import type { Database } from "bun:sqlite";
import { type Digest, digestToBytes } from "../../primitives/digest.ts";
import type { IndexSchema } from "../../primitives/store/derived-index.ts";
import type { ScopeEvent } from "../../primitives/store/scope-clock.ts";
import type { Change } from "../../primitives/store/tree-edit.ts";
import { ManifestFault, parseManifest } from "../../registry/manifest.ts";
import type { RepositoryName } from "../../registry/repository-name.ts";
import type { Referrer } from "../../registry/storage.ts";
import type { Tag } from "../../registry/tag.ts";
import { parseOciPath } from "./layout.ts";
import { digestInTag } from "./tag-target.ts";

/**
 * Tags, manifests and the blobs they name, by repository; digests in binary. What a push adds lies close together where
 * it can, as each page that changes is written: so tags are found by the number of their manifest, not by its digest.
 */
export const OCI_INDEX: IndexSchema = {
  version: 4,
  sql: `
    CREATE TABLE repositories (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
    CREATE TABLE manifests (
      id INTEGER PRIMARY KEY,
      repository INTEGER NOT NULL,
      digest BLOB NOT NULL,
      media_type TEXT NOT NULL,
      content BLOB NOT NULL,
      UNIQUE (repository, digest)
    );
    CREATE TABLE tags (
      repository INTEGER NOT NULL,
      tag TEXT NOT NULL,
      digest BLOB NOT NULL,
      manifest INTEGER, -- its id; none where the tag's manifest is missing
      PRIMARY KEY (repository, tag)
    ) WITHOUT ROWID;
    CREATE INDEX tags_by_manifest ON tags (manifest, repository);
    CREATE TABLE manifest_blobs (
      blob BLOB NOT NULL,
      repository INTEGER NOT NULL,
      manifest INTEGER NOT NULL, -- its id
      PRIMARY KEY (blob, repository, manifest)
    ) WITHOUT ROWID;
    CREATE TABLE referrers (
      repository INTEGER NOT NULL,
      subject TEXT NOT NULL,
      digest TEXT NOT NULL,
      artifact_type TEXT,
      descriptor TEXT NOT NULL, -- JSON
      PRIMARY KEY (repository, subject, digest)
    ) WITHOUT ROWID;
    CREATE INDEX referrers_by_type ON referrers (repository, subject, artifact_type, digest);
  `,
  apply(db: Database, changes: readonly Change[]): ReadonlyMap<string, ScopeEvent> {
    const repositories = new Map<RepositoryName, number>();
    const events = new Map<RepositoryName, ScopeEvent>();
    for (const { path, content } of changes) {
      const file = parseOciPath(path);
      if (!file) continue;
      const id = repositories.get(file.repository) ?? repositoryId(db, file.repository);
      repositories.set(file.repository, id);
      if (file.kind === "tag") applyTag(db, id, file.tag, content);
      const isRemoval = file.kind === "manifest" && !applyManifest(db, id, file.digest, content);
      if (isRemoval || !events.has(file.repository))
        events.set(file.repository, isRemoval ? "removal" : "change");
    }
    return events;
  },
  scopes: (db: Database) =>
    db
      .query<{ name: string }, []>("SELECT name FROM repositories ORDER BY name")
      .all()
      .map(({ name }) => name),
  dump(db: Database, repository: string): string {
    const id = "(SELECT id FROM repositories WHERE name = ?)";
    const rows = (sql: string) =>
      db
        .query<{ row: string }, [string]>(sql)
        .all(repository)
        .map(({ row }) => row);
    return [
      ...rows(`SELECT tag || ' ' || hex(t.digest) || ' ' || ifnull(hex(m.digest), '') AS row
        FROM tags t LEFT JOIN manifests m ON m.id = manifest WHERE t.repository = ${id} ORDER BY row`),
      ...rows(`SELECT hex(digest) || ' ' || media_type || ' ' || hex(content) AS row
        FROM manifests WHERE repository = ${id} ORDER BY row`),
      ...rows(`SELECT hex(blob) || ' ' || hex(digest) AS row FROM manifest_blobs b JOIN manifests m ON m.id = manifest
        WHERE m.repository = ${id} ORDER BY row`),
      ...rows(
        `SELECT subject || ' ' || descriptor AS row FROM referrers WHERE repository = ${id} ORDER BY row`,
      ),
    ].join("\n");
  },
};

function repositoryId(db: Database, name: RepositoryName): number {
  const select = db.query<{ id: number }, [string]>("SELECT id FROM repositories WHERE name = ?");
  const known = select.get(name);
  if (known) return known.id;
  const { lastInsertRowid } = db.query("INSERT INTO repositories (name) VALUES (?)").run(name);
  return Number(lastInsertRowid);
}

function applyTag(db: Database, repository: number, tag: Tag, content: Uint8Array | null): void {
  const digest = content && digestInTag(content);
  if (digest) {
    db.query(
      `INSERT INTO tags VALUES (?1, ?2, ?3, (SELECT id FROM manifests WHERE repository = ?1 AND digest = ?3))
        ON CONFLICT (repository, tag) DO UPDATE SET digest = excluded.digest, manifest = excluded.manifest`,
    ).run(repository, tag, digestToBytes(digest));
  } else {
    db.query("DELETE FROM tags WHERE repository = ? AND tag = ?").run(repository, tag);
  }
}

/** Whether there is such a manifest now. */
function applyManifest(
  db: Database,
  repository: number,
  digest: Digest,
  content: Uint8Array | null,
): boolean {
  const manifest = content && parseManifest(content);
  if (!manifest || manifest instanceof ManifestFault) {
    removeManifest(db, repository, digest);
    return false;
  }
  const key = digestToBytes(digest);
  const { changes, lastInsertRowid } = db
    .query(
      "INSERT INTO manifests (repository, digest, media_type, content) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
    )
    .run(repository, key, manifest.mediaType, content);
  // What a digest stands for never changes: what is known is known with all that it names.
  if (changes === 0) return true;
  db.query(
    "UPDATE tags INDEXED BY tags_by_manifest SET manifest = ?1 WHERE manifest IS NULL AND repository = ?2 AND digest = ?3",
  ).run(lastInsertRowid, repository, key);
  const insert = db.query("INSERT INTO manifest_blobs VALUES (?, ?, ?)");
  for (const blob of manifest.blobs) insert.run(digestToBytes(blob), repository, lastInsertRowid);
  const { mediaType, artifactType, annotations, subject } = manifest;
  if (!subject) return true;
  const referrer: Referrer = {
    mediaType,
    digest,
    size: content.length,
    ...(artifactType && { artifactType }),
    ...(annotations && { annotations }),
  };
  db.query("INSERT INTO referrers VALUES (?, ?, ?, ?, ?)").run(
    repository,
    subject,
    digest,
    artifactType ?? null,
    JSON.stringify(referrer),
  );
  return true;
}

function removeManifest(db: Database, repository: number, digest: Digest): void {
  const removed = db
    .query<{ id: number; content: Uint8Array }, [number, Buffer]>(
      "DELETE FROM manifests WHERE repository = ? AND digest = ? RETURNING id, content",
    )
    .get(repository, digestToBytes(digest));
  if (removed) db.query("UPDATE tags SET manifest = NULL WHERE manifest = ?").run(removed.id);
  const manifest = removed && parseManifest(removed.content);
  if (!manifest || manifest instanceof ManifestFault) return;
  const remove = db.query("DELETE FROM manifest_blobs WHERE blob = ? AND repository = ? AND manifest = ?");
  for (const blob of manifest.blobs) remove.run(digestToBytes(blob), repository, removed.id);
  if (manifest.subject) {
    db.query("DELETE FROM referrers WHERE repository = ? AND subject = ? AND digest = ?").run(
      repository,
      manifest.subject,
      digest,
    );
  }
}
