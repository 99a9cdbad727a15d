import type { Database } from "bun:sqlite";
import { type Digest, digestHex, digestToBytes } from "../../../primitives/digest.ts";
import { rowSum } from "../../../primitives/sqlite/row-sum.ts";
import type { Change } from "../../../primitives/store/commits/tree-edit.ts";
import type { IndexSchema } from "../../../primitives/store/index/derived-index.ts";
import type { ScopeEvent } from "../../../primitives/store/index/scope-clock.ts";
import { parseStoredManifest } from "../../../registry/model/manifest.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Referrer } from "../../../registry/model/storage.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import { parseOciPath } from "../content/layout.ts";
import { manifestUnder } from "../content/parsed-manifests.ts";
import { digestInTag } from "../content/tag-target.ts";
import { checkRows } from "./oci-index-rows.ts";

/**
 * Tags, manifests and the blobs they name, by repository; digests in binary. The rows that a push adds lie close together,
 * because each changed page is written: tags are therefore found by the id of their manifest, not by its digest. Each row
 * has a checksum of its values (`rowSum`), computed from names rather than ids.
 */
export const OCI_INDEX: IndexSchema = {
  version: 8,
  sql: `
    CREATE TABLE repositories (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, sum INTEGER NOT NULL,
      bytes INTEGER NOT NULL DEFAULT 0 -- of its manifests
    );
    CREATE TABLE manifests (
      id INTEGER PRIMARY KEY,
      repository INTEGER NOT NULL,
      digest BLOB NOT NULL,
      media_type TEXT NOT NULL,
      content BLOB NOT NULL,
      sum INTEGER NOT NULL,
      UNIQUE (repository, digest)
    );
    CREATE TABLE tags (
      repository INTEGER NOT NULL,
      tag TEXT NOT NULL,
      digest BLOB NOT NULL,
      sum INTEGER NOT NULL,
      manifest INTEGER, -- its id; none where the tag's manifest is missing
      PRIMARY KEY (repository, tag)
    ) WITHOUT ROWID;
    CREATE INDEX tags_by_manifest ON tags (manifest, repository);
    CREATE TABLE manifest_blobs (
      blob BLOB NOT NULL,
      repository INTEGER NOT NULL,
      manifest INTEGER NOT NULL, -- its id
      sum INTEGER NOT NULL,
      PRIMARY KEY (blob, repository, manifest)
    ) WITHOUT ROWID;
    CREATE TABLE also_named (
      digest BLOB NOT NULL,
      repository INTEGER NOT NULL,
      manifest INTEGER NOT NULL, -- its id
      PRIMARY KEY (digest, repository, manifest)
    ) WITHOUT ROWID; -- kept as long as the manifest, without being one of the repository's blobs by that
    CREATE TABLE referrers (
      repository INTEGER NOT NULL,
      subject TEXT NOT NULL,
      digest TEXT NOT NULL,
      artifact_type TEXT,
      descriptor TEXT NOT NULL, -- JSON
      sum INTEGER NOT NULL,
      PRIMARY KEY (repository, subject, digest)
    ) WITHOUT ROWID;
    CREATE INDEX referrers_by_type ON referrers (repository, subject, artifact_type, digest);
  `,
  apply(db: Database, changes: readonly Change[]): ReadonlyMap<string, ScopeEvent> {
    const repositories = new Map<RepositoryName, IndexedRepository>();
    const events = new Map<RepositoryName, ScopeEvent>();
    for (const { path, content } of changes) {
      const file = parseOciPath(path);
      if (!file) continue;
      const repository = repositories.get(file.repository) ?? indexed(db, file.repository);
      repositories.set(file.repository, repository);
      if (file.kind === "tag") applyTag(db, repository, file.tag, content);
      const isRemoval = file.kind === "manifest" && !applyManifest(db, repository, file.digest, content);
      if (isRemoval || !events.has(file.repository))
        events.set(file.repository, isRemoval ? "removal" : "change");
    }
    for (const { id, added } of repositories.values()) {
      if (added !== 0) db.query("UPDATE repositories SET bytes = bytes + ? WHERE id = ?").run(added, id);
    }
    return events;
  },
  check: checkRows,
  scopes: (db: Database) =>
    db
      .query<{ name: string }, []>("SELECT name FROM repositories ORDER BY name")
      .all()
      .map(({ name }) => name),
  addScopes(db: Database, names: readonly string[]): void {
    const insert = db.query("INSERT OR IGNORE INTO repositories (name, sum) VALUES (?, ?)");
    for (const name of names) insert.run(name, rowSum(name));
  },
  dump(db: Database, repository: string): string {
    const id = "(SELECT id FROM repositories WHERE name = ?)";
    const rows = (sql: string) =>
      db
        .query<{ row: string }, [string]>(sql)
        .all(repository)
        .map(({ row }) => row);
    return [
      ...rows("SELECT bytes AS row FROM repositories WHERE name = ? AND bytes <> 0"),
      ...rows(`SELECT tag || ' ' || hex(t.digest) || ' ' || ifnull(hex(m.digest), '') AS row
        FROM tags t LEFT JOIN manifests m ON m.id = manifest WHERE t.repository = ${id} ORDER BY row`),
      ...rows(`SELECT hex(digest) || ' ' || media_type || ' ' || hex(content) AS row
        FROM manifests WHERE repository = ${id} ORDER BY row`),
      ...rows(`SELECT hex(blob) || ' ' || hex(digest) AS row FROM manifest_blobs b JOIN manifests m ON m.id = manifest
        WHERE m.repository = ${id} ORDER BY row`),
      ...rows(`SELECT hex(n.digest) || ' of ' || hex(m.digest) AS row FROM also_named n JOIN manifests m ON m.id = manifest
        WHERE m.repository = ${id} ORDER BY row`),
      ...rows(
        `SELECT subject || ' ' || descriptor AS row FROM referrers WHERE repository = ${id} ORDER BY row`,
      ),
    ].join("\n");
  },
};

interface IndexedRepository {
  readonly id: number;
  readonly name: RepositoryName;
  /** Bytes of manifests that the changes add; written once for all changes. */
  added: number;
}

function indexed(db: Database, name: RepositoryName): IndexedRepository {
  const select = db.query<{ id: number }, [string]>("SELECT id FROM repositories WHERE name = ?");
  const known = select.get(name);
  if (known) return { id: known.id, name, added: 0 };
  const { lastInsertRowid } = db
    .query("INSERT INTO repositories (name, sum) VALUES (?, ?)")
    .run(name, rowSum(name));
  return { id: Number(lastInsertRowid), name, added: 0 };
}

function applyTag(db: Database, { id, name }: IndexedRepository, tag: Tag, content: Uint8Array | null): void {
  const digest = content && digestInTag(content);
  if (digest) {
    db.query(
      `INSERT INTO tags VALUES (?1, ?2, ?3, ?4, (SELECT id FROM manifests WHERE repository = ?1 AND digest = ?3))
        ON CONFLICT (repository, tag)
        DO UPDATE SET digest = excluded.digest, sum = excluded.sum, manifest = excluded.manifest`,
    ).run(id, tag, digestToBytes(digest), rowSum(name, tag, digestHex(digest)));
  } else {
    db.query("DELETE FROM tags WHERE repository = ? AND tag = ?").run(id, tag);
  }
}

/** Returns whether the manifest exists after the change. */
function applyManifest(
  db: Database,
  repository: IndexedRepository,
  digest: Digest,
  content: Uint8Array | null,
): boolean {
  const manifest = content && manifestUnder(digest, content);
  if (!manifest) {
    removeManifest(db, repository, digest);
    return false;
  }
  const { id, name } = repository;
  const key = digestToBytes(digest);
  const { changes, lastInsertRowid } = db
    .query(
      `INSERT INTO manifests (repository, digest, media_type, content, sum) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT DO NOTHING`,
    )
    .run(id, key, manifest.mediaType, content, rowSum(name, digestHex(digest), manifest.mediaType));
  // Content under a digest never changes: the index already has this manifest and its references.
  if (changes === 0) return true;
  repository.added += content.length;
  db.query(
    "UPDATE tags INDEXED BY tags_by_manifest SET manifest = ?1 WHERE manifest IS NULL AND repository = ?2 AND digest = ?3",
  ).run(lastInsertRowid, id, key);
  const insert = db.query("INSERT INTO manifest_blobs VALUES (?, ?, ?, ?)");
  for (const blob of manifest.blobs)
    insert.run(digestToBytes(blob), id, lastInsertRowid, rowSum(name, digestHex(blob), lastInsertRowid));
  const insertNamed = db.query("INSERT INTO also_named VALUES (?, ?, ?)");
  for (const named of manifest.otherReferences) insertNamed.run(digestToBytes(named), id, lastInsertRowid);
  const { mediaType, artifactType, annotations, subject } = manifest;
  if (!subject) return true;
  const referrer: Referrer = {
    mediaType,
    digest,
    size: content.length,
    ...(artifactType && { artifactType }),
    ...(annotations && { annotations }),
  };
  const descriptor = JSON.stringify(referrer);
  db.query("INSERT INTO referrers VALUES (?, ?, ?, ?, ?, ?)").run(
    id,
    subject,
    digest,
    artifactType ?? null,
    descriptor,
    rowSum(name, subject, digest, artifactType ?? null, descriptor),
  );
  return true;
}

function removeManifest(db: Database, repository: IndexedRepository, digest: Digest): void {
  const { id } = repository;
  const removed = db
    .query<{ id: number; content: Uint8Array }, [number, Buffer]>(
      "DELETE FROM manifests WHERE repository = ? AND digest = ? RETURNING id, content",
    )
    .get(id, digestToBytes(digest));
  if (removed) {
    db.query("UPDATE tags SET manifest = NULL WHERE manifest = ?").run(removed.id);
    repository.added -= removed.content.length;
  }
  const manifest = parseStoredManifest(removed?.content);
  if (!removed || !manifest) return;
  const remove = db.query("DELETE FROM manifest_blobs WHERE blob = ? AND repository = ? AND manifest = ?");
  for (const blob of manifest.blobs) remove.run(digestToBytes(blob), id, removed.id);
  const removeNamed = db.query("DELETE FROM also_named WHERE digest = ? AND repository = ? AND manifest = ?");
  for (const named of manifest.otherReferences) removeNamed.run(digestToBytes(named), id, removed.id);
  if (manifest.subject) {
    db.query("DELETE FROM referrers WHERE repository = ? AND subject = ? AND digest = ?").run(
      id,
      manifest.subject,
      digest,
    );
  }
}
