import type { Database } from "bun:sqlite";
import {
  type Digest,
  digestAlgorithm,
  digestFromBytes,
  digestHex,
  digestOf,
  digestToBytes,
} from "../../../primitives/digest.ts";
import { DamagedDatabaseError } from "../../../primitives/sqlite/database-damage.ts";
import { checkRow } from "../../../primitives/sqlite/row-sum.ts";
import type { NameRange } from "../../../registry/model/name-range.ts";
import type { Page } from "../../../registry/model/page.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Referrer, ReferrersRequest, StoredManifest } from "../../../registry/model/storage.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import { BlobUsers } from "./blob-users.ts";
import { ManifestTags } from "./manifest-tags.ts";
import { readReferrers } from "./referrers-page.ts";

/** Rows read at once for a caller that may read any number of them. */
const BATCH = 1000;
const ALL_NAMES: NameRange = { from: "", before: undefined };

interface Summed {
  readonly sum: number;
}

export interface ManifestStat {
  readonly mediaType: string;
  /** In bytes. */
  readonly size: number;
}

interface TagRow extends Summed {
  readonly digest: Uint8Array;
}

/**
 * The queries that requests make of the index; each method is one indexed look-up. Throws `DamagedDatabaseError` if a served
 * row does not match its checksum, or the bytes of a manifest do not match its digest.
 */
export class OciIndexReader {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Whether the repository holds a manifest, or ever did. */
  knows(repository: RepositoryName): boolean {
    const sql = "SELECT sum FROM repositories WHERE name = ?";
    const row = this.#db.query<Summed, [string]>(sql).get(repository);
    if (row) checkRow(this.#db, row.sum, repository);
    return row !== null;
  }

  get blobUsers(): BlobUsers {
    return new BlobUsers(this.#db);
  }

  get manifestTags(): ManifestTags {
    return new ManifestTags(this.#db);
  }

  tagDigest(repository: RepositoryName, tag: Tag): Digest | undefined {
    const sql =
      "SELECT digest, sum FROM tags WHERE repository = (SELECT id FROM repositories WHERE name = ?) AND tag = ?";
    const row = this.#db.query<TagRow, [string, string]>(sql).get(repository, tag);
    if (!row) return undefined;
    checkRow(this.#db, row.sum, repository, tag, row.digest);
    return digestFromBytes(row.digest);
  }

  manifest(repository: RepositoryName, digest: Digest): StoredManifest | undefined {
    const sql = `SELECT media_type AS mediaType, content, sum FROM manifests
      WHERE repository = (SELECT id FROM repositories WHERE name = ?) AND digest = ?`;
    const row = this.#db
      .query<Omit<StoredManifest, "digest"> & Summed, [string, Buffer]>(sql)
      .get(repository, digestToBytes(digest));
    if (!row) return undefined;
    const { mediaType, content, sum } = row;
    checkRow(this.#db, sum, repository, digestHex(digest), mediaType);
    if (!(content instanceof Uint8Array) || digestOf(content, digestAlgorithm(digest)) !== digest)
      throw new DamagedDatabaseError(this.#db.filename, `the manifest ${digest} has another digest`);
    return { digest, mediaType, content };
  }

  hasManifest(repository: RepositoryName, digest: Digest): boolean {
    return this.manifestStat(repository, digest) !== undefined;
  }

  /** `undefined` if the repository does not have the manifest. Does not read its content. */
  manifestStat(repository: RepositoryName, digest: Digest): ManifestStat | undefined {
    const sql = `SELECT media_type AS mediaType, length(content) AS size, sum FROM manifests
      WHERE repository = (SELECT id FROM repositories WHERE name = ?) AND digest = ?`;
    const row = this.#db
      .query<ManifestStat & Summed, [string, Buffer]>(sql)
      .get(repository, digestToBytes(digest));
    if (row) checkRow(this.#db, row.sum, repository, digestHex(digest), row.mediaType);
    return row ?? undefined;
  }

  /** Whether a manifest of the repository names this blob. */
  refersToBlob(repository: RepositoryName, digest: Digest): boolean {
    const sql = `SELECT manifest, sum FROM manifest_blobs
      WHERE repository = (SELECT id FROM repositories WHERE name = ?) AND blob = ? LIMIT 1`;
    const row = this.#db
      .query<{ manifest: number } & Summed, [string, Buffer]>(sql)
      .get(repository, digestToBytes(digest));
    if (row) checkRow(this.#db, row.sum, repository, digestHex(digest), row.manifest);
    return row !== null;
  }

  /** Every blob that a manifest names, with the repository of that manifest. */
  *namedBlobs(): Generator<{ readonly repository: RepositoryName; readonly blob: Digest }> {
    const sql = `SELECT name, blob, manifest, b.sum FROM manifest_blobs b JOIN repositories r ON r.id = repository`;
    const rows = this.#db.query<{ name: RepositoryName; blob: Uint8Array; manifest: number } & Summed, []>(
      sql,
    );
    for (const { name, blob, manifest, sum } of rows.iterate()) {
      checkRow(this.#db, sum, name, blob, manifest);
      yield { repository: name, blob: digestFromBytes(blob) };
    }
  }

  /** Whether a manifest of the repository names this digest as blob, child or subject. */
  names(repository: RepositoryName, digest: Digest): boolean {
    const sql = `WITH r AS (SELECT id FROM repositories WHERE name = ?1)
      SELECT 1 FROM manifest_blobs WHERE repository = (SELECT id FROM r) AND blob = ?2
      UNION ALL SELECT 1 FROM also_named WHERE repository = (SELECT id FROM r) AND digest = ?2 LIMIT 1`;
    return this.#db.query(sql).get(repository, digestToBytes(digest)) !== null;
  }

  /** Whether any manifest names this digest as blob, child or subject. */
  isNeeded(digest: Digest): boolean {
    const sql = `SELECT 1 FROM manifest_blobs WHERE blob = ?1
      UNION ALL SELECT 1 FROM also_named WHERE digest = ?1 LIMIT 1`;
    return this.#db.query(sql).get(digestToBytes(digest)) !== null;
  }

  /** Returns those of the digests that any manifest names as blob, child or subject. */
  neededOf(digests: readonly Digest[]): Set<Digest> {
    const sql = `SELECT w.value AS hex FROM json_each(?1) w
      WHERE EXISTS (SELECT 1 FROM manifest_blobs WHERE blob = unhex(w.value))
      OR EXISTS (SELECT 1 FROM also_named WHERE digest = unhex(w.value))`;
    const rows = this.#db.query<{ hex: string }, [string]>(sql).all(JSON.stringify(digests.map(digestHex)));
    const needed = new Set(rows.map(({ hex }) => hex));
    return new Set(digests.filter((digest) => needed.has(digestHex(digest))));
  }

  /** Up to `limit` manifests that name this blob, each with one of its tags, if any. */
  manifestsWith(
    blob: Digest,
    limit: number,
  ): { readonly repository: RepositoryName; readonly digest: Digest; readonly tag: Tag | null }[] {
    const sql = `SELECT name AS repository, m.digest,
        (SELECT tag FROM tags t WHERE t.manifest = m.id LIMIT 1) AS tag
      FROM (SELECT manifest FROM manifest_blobs WHERE blob = ?1 UNION SELECT manifest FROM also_named WHERE digest = ?1) n
      JOIN manifests m ON m.id = n.manifest JOIN repositories r ON r.id = m.repository
      ORDER BY name, m.digest LIMIT ?2`;
    return this.#db
      .query<{ repository: RepositoryName; digest: Uint8Array; tag: Tag | null }, [Buffer, number]>(sql)
      .all(digestToBytes(blob), limit)
      .map((row) => ({ ...row, digest: digestFromBytes(row.digest) }));
  }

  counts(): { readonly repositories: number; readonly tags: number; readonly manifests: number } {
    const sql = `SELECT (SELECT count(DISTINCT repository) FROM manifests) AS repositories,
      (SELECT count(*) FROM tags) AS tags, (SELECT count(*) FROM manifests) AS manifests`;
    const counts = this.#db.query<{ repositories: number; tags: number; manifests: number }, []>(sql).get();
    return counts ?? { repositories: 0, tags: 0, manifests: 0 };
  }

  /** Bytes of the manifests of a repository, or of all repositories. */
  manifestBytes(repository?: RepositoryName): number {
    const sql = "SELECT sum(bytes) AS bytes FROM repositories";
    const query = (where: string) => this.#db.query<{ bytes: number | null }, string[]>(sql + where);
    const row = repository === undefined ? query("").get() : query(" WHERE name = ?").get(repository);
    return row?.bytes ?? 0;
  }

  /** How many manifests name the blob. */
  countUses(blob: Digest): number {
    const sql = `SELECT (SELECT count(*) FROM manifest_blobs WHERE blob = ?1)
      + (SELECT count(*) FROM also_named WHERE digest = ?1) AS uses`;
    return this.#db.query<{ uses: number }, [Buffer]>(sql).get(digestToBytes(blob))?.uses ?? 0;
  }

  manifestsOf(repository: RepositoryName): Digest[] {
    const sql = `SELECT digest, media_type AS mediaType, sum FROM manifests
      WHERE repository = (SELECT id FROM repositories WHERE name = ?)`;
    return this.#db
      .query<TagRow & { mediaType: string }, [string]>(sql)
      .all(repository)
      .map(({ digest, mediaType, sum }) => {
        checkRow(this.#db, sum, repository, digest, mediaType);
        return digestFromBytes(digest);
      });
  }

  /** Up to `limit` repositories with a manifest that names this blob. */
  repositoriesWith(digest: Digest, limit: number): RepositoryName[] {
    const sql = `SELECT DISTINCT name FROM manifest_blobs b JOIN repositories r ON r.id = b.repository
      WHERE blob = ? LIMIT ?`;
    return this.#db
      .query<{ name: RepositoryName }, [Buffer, number]>(sql)
      .all(digestToBytes(digest), limit)
      .map((row) => row.name);
  }

  /** Repositories of a range that hold a manifest, after `last` in lexical (byte) order, read in batches. */
  *repositoriesAfter(
    last: string,
    atOnce = BATCH,
    { from, before }: NameRange = ALL_NAMES,
  ): Generator<RepositoryName> {
    // A single lower bound, as SQLite may start at the wrong one of two.
    const sql = `SELECT name, sum FROM repositories r WHERE name >= ?1 ${before === undefined ? "AND ?2 IS NULL" : "AND name < ?2"}
      AND EXISTS (SELECT 1 FROM manifests m WHERE m.repository = r.id) ORDER BY name LIMIT ?3`;
    const query = this.#db.query<{ name: RepositoryName } & Summed, [string, string | null, number]>(sql);
    for (let start: string | undefined = last < from ? from : following(last); start !== undefined; ) {
      const names: RepositoryName[] = query.all(start, before ?? null, atOnce).map(({ name, sum }) => {
        checkRow(this.#db, sum, name);
        return name;
      });
      yield* names;
      const end = names.length === atOnce ? names.at(-1) : undefined;
      start = end && following(end);
    }
  }

  hasReferrer(repository: RepositoryName, subject: Digest, digest: Digest): boolean {
    const sql = `SELECT 1 FROM referrers
      WHERE repository = (SELECT id FROM repositories WHERE name = ?) AND subject = ? AND digest = ?`;
    return this.#db.query(sql).get(repository, subject, digest) !== null;
  }

  /** Manifests with this subject, after `last` by digest. */
  referrers(repository: RepositoryName, subject: Digest, request: ReferrersRequest): Page<Referrer> {
    return readReferrers(this.#db, repository, subject, request);
  }

  /** Up to `limit` manifests of the repository that name this digest as blob, child or subject. */
  namersOf(repository: RepositoryName, digest: Digest, limit: number): Digest[] {
    const sql = `WITH r AS (SELECT id FROM repositories WHERE name = ?1)
      SELECT m.digest FROM (SELECT manifest FROM manifest_blobs WHERE blob = ?2 AND repository = (SELECT id FROM r)
        UNION ALL SELECT manifest FROM also_named WHERE digest = ?2 AND repository = (SELECT id FROM r) LIMIT ?3) n JOIN manifests m ON m.id = n.manifest`;
    return this.#db
      .query<{ digest: Uint8Array }, [string, Buffer, number]>(sql)
      .all(repository, digestToBytes(digest), limit)
      .map((row) => digestFromBytes(row.digest));
  }

  /** The tags that name a digest, by name, up to `limit` (-1: all); the manifest need not exist. */
  tagsOf(repository: RepositoryName, digest: Digest, limit = -1): Tag[] {
    return this.manifestTags.after("", repository, digest, limit);
  }

  /** The digest that each tag of a repository names. */
  tagTargets(repository: RepositoryName): Map<Tag, Digest> {
    const sql =
      "SELECT tag, digest, sum FROM tags WHERE repository = (SELECT id FROM repositories WHERE name = ?) ORDER BY tag";
    const rows = this.#db.query<{ tag: Tag } & TagRow, [string]>(sql).iterate(repository);
    const targets = new Map<Tag, Digest>();
    for (const { tag, digest, sum } of rows) {
      checkRow(this.#db, sum, repository, tag, digest);
      targets.set(tag, digestFromBytes(digest));
    }
    return targets;
  }

  countTags(repository: RepositoryName): number {
    const sql =
      "SELECT count(*) AS count FROM tags WHERE repository = (SELECT id FROM repositories WHERE name = ?)";
    return this.#db.query<{ count: number }, [string]>(sql).get(repository)?.count ?? 0;
  }

  /** Up to `limit` tags after `last`, in lexical (byte) order. */
  tags(repository: RepositoryName, last: string, limit: number): Tag[] {
    const sql = `SELECT tag, digest, sum FROM tags WHERE repository = (SELECT id FROM repositories WHERE name = ?)
      AND tag > ? ORDER BY tag LIMIT ?`;
    return this.#db
      .query<{ tag: Tag } & TagRow, [string, string, number]>(sql)
      .all(repository, last, limit)
      .map(({ tag, digest, sum }) => {
        checkRow(this.#db, sum, repository, tag, digest);
        return tag;
      });
  }
}

/** The next string in lexical order. */
function following(text: string): string {
  return `${text}\0`;
}
