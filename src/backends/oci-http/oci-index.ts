import type { Database } from "bun:sqlite";
import { type Digest, parseDigest } from "../../primitives/digest.ts";
import type { IndexSchema } from "../../primitives/store/derived-index.ts";
import type { Change } from "../../primitives/store/tree-edit.ts";
import { ManifestFault, parseManifest } from "../../registry/manifest.ts";
import type { RepositoryName } from "../../registry/repository-name.ts";
import type { StoredManifest } from "../../registry/storage.ts";
import type { Tag } from "../../registry/tag.ts";
import { type OciFile, parseOciPath } from "./layout.ts";

/** Tags, manifests and the blobs they name, by repository. */
export const OCI_INDEX: IndexSchema = {
  version: 1,
  sql: `
    CREATE TABLE repositories (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
    CREATE TABLE manifests (
      repository INTEGER NOT NULL,
      digest TEXT NOT NULL,
      media_type TEXT NOT NULL,
      content BLOB NOT NULL,
      UNIQUE (repository, digest)
    );
    CREATE TABLE tags (
      repository INTEGER NOT NULL,
      tag TEXT NOT NULL,
      digest TEXT NOT NULL,
      PRIMARY KEY (repository, tag)
    ) WITHOUT ROWID;
    CREATE INDEX tags_by_digest ON tags (repository, digest);
    CREATE TABLE manifest_blobs (
      repository INTEGER NOT NULL,
      blob TEXT NOT NULL,
      manifest TEXT NOT NULL,
      PRIMARY KEY (repository, blob, manifest)
    ) WITHOUT ROWID;
    CREATE INDEX manifest_blobs_by_manifest ON manifest_blobs (repository, manifest);
  `,
  apply(db: Database, changes: readonly Change[]): void {
    for (const { path, content } of changes) {
      const file = parseOciPath(path);
      if (file) applyFile(db, file, content);
    }
  },
};

function applyFile(db: Database, file: OciFile, content: Uint8Array | null): void {
  db.query("INSERT INTO repositories (name) VALUES (?) ON CONFLICT DO NOTHING").run(file.repository);
  const repository = db
    .query<{ id: number }, [string]>("SELECT id FROM repositories WHERE name = ?")
    .get(file.repository)?.id;
  if (repository === undefined) throw new Error(`the index lost the repository '${file.repository}'`);
  if (file.kind === "tag") applyTag(db, repository, file.tag, content);
  else applyManifest(db, repository, file.digest, content);
}

function applyTag(db: Database, repository: number, tag: Tag, content: Uint8Array | null): void {
  const digest = content && parseDigest(new TextDecoder().decode(content).trimEnd());
  if (digest) {
    db.query(
      "INSERT INTO tags VALUES (?, ?, ?) ON CONFLICT (repository, tag) DO UPDATE SET digest = excluded.digest",
    ).run(repository, tag, digest);
  } else {
    db.query("DELETE FROM tags WHERE repository = ? AND tag = ?").run(repository, tag);
  }
}

function applyManifest(db: Database, repository: number, digest: Digest, content: Uint8Array | null): void {
  db.query("DELETE FROM manifests WHERE repository = ? AND digest = ?").run(repository, digest);
  db.query("DELETE FROM manifest_blobs WHERE repository = ? AND manifest = ?").run(repository, digest);
  const manifest = content && parseManifest(content);
  if (!manifest || manifest instanceof ManifestFault) return;
  db.query("INSERT INTO manifests VALUES (?, ?, ?, ?)").run(repository, digest, manifest.mediaType, content);
  const insert = db.query("INSERT INTO manifest_blobs VALUES (?, ?, ?)");
  for (const blob of manifest.blobs) insert.run(repository, blob, digest);
}

/** What requests ask of the index. Every method is one indexed look-up. */
export class OciIndexReader {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  hasRepository(repository: RepositoryName): boolean {
    const sql = `SELECT 1 FROM repositories r WHERE name = ?
      AND EXISTS (SELECT 1 FROM manifests m WHERE m.repository = r.id)`;
    return this.#db.query(sql).get(repository) !== null;
  }

  tagDigest(repository: RepositoryName, tag: Tag): Digest | undefined {
    const sql =
      "SELECT digest FROM tags WHERE repository = (SELECT id FROM repositories WHERE name = ?) AND tag = ?";
    return this.#db.query<{ digest: Digest }, [string, string]>(sql).get(repository, tag)?.digest;
  }

  manifest(repository: RepositoryName, digest: Digest): StoredManifest | undefined {
    const sql = `SELECT digest, media_type AS mediaType, content FROM manifests
      WHERE repository = (SELECT id FROM repositories WHERE name = ?) AND digest = ?`;
    return this.#db.query<StoredManifest, [string, string]>(sql).get(repository, digest) ?? undefined;
  }

  hasManifest(repository: RepositoryName, digest: Digest): boolean {
    const sql =
      "SELECT 1 FROM manifests WHERE repository = (SELECT id FROM repositories WHERE name = ?) AND digest = ?";
    return this.#db.query(sql).get(repository, digest) !== null;
  }

  /** Whether a manifest of the repository names this blob. */
  refersToBlob(repository: RepositoryName, digest: Digest): boolean {
    const sql =
      "SELECT 1 FROM manifest_blobs WHERE repository = (SELECT id FROM repositories WHERE name = ?) AND blob = ? LIMIT 1";
    return this.#db.query(sql).get(repository, digest) !== null;
  }

  tagsOf(repository: RepositoryName, digest: Digest): Tag[] {
    const sql =
      "SELECT tag FROM tags WHERE repository = (SELECT id FROM repositories WHERE name = ?) AND digest = ?";
    return this.#db
      .query<{ tag: Tag }, [string, string]>(sql)
      .all(repository, digest)
      .map((row) => row.tag);
  }

  /** Up to `limit` tags after `last`, in lexical (byte) order. */
  tags(repository: RepositoryName, last: string, limit: number): Tag[] {
    const sql = `SELECT tag FROM tags WHERE repository = (SELECT id FROM repositories WHERE name = ?)
      AND tag > ? ORDER BY tag LIMIT ?`;
    return this.#db
      .query<{ tag: Tag }, [string, string, number]>(sql)
      .all(repository, last, limit)
      .map((row) => row.tag);
  }
}
