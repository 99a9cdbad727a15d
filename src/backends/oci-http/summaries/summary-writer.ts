import type { Database } from "bun:sqlite";
import { type Digest, digestFromBytes, digestToBytes } from "../../../primitives/digest.ts";
import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import type { LastSet } from "../history/tag-sets.ts";
import { versionKey } from "./version-key.ts";

export interface SummarizedManifest {
  readonly digest: Digest;
  readonly bytes: number;
  /** Bytes of each blob that the repository holds for the manifest. */
  readonly blobs: ReadonlyMap<Digest, number>;
  readonly children: readonly Digest[];
  /** Bytes of a pull. */
  readonly size: number;
}

/** The state that the tables are up to date with. */
export interface SummaryState {
  readonly head: ObjectId;
  readonly seq: number;
}

/** Most indexes of one manifest that are returned. */
const MAX_PARENTS = 100;
/** Tags that get their size at once. */
const SIZED_AT_ONCE = 200;

/** Writes the tables of `SUMMARY_DATABASE`. Each method may be repeated without harm. */
export class SummaryWriter {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  state(): SummaryState | undefined {
    const sql = "SELECT head, seq FROM state";
    const row = this.#db.query<{ head: ObjectId | null; seq: number | null }, []>(sql).get();
    return row && row.head !== null && row.seq !== null ? { head: row.head, seq: row.seq } : undefined;
  }

  setState({ head, seq }: SummaryState): void {
    this.#db.query("UPDATE state SET head = ?, seq = ?").run(head, seq);
  }

  addManifest(repository: RepositoryName, manifest: SummarizedManifest): void {
    const id = this.#idOf(repository);
    const { bytes, blobs, children, size } = manifest;
    const digest = digestToBytes(manifest.digest);
    const insert = this.#db.query("INSERT OR IGNORE INTO manifests VALUES (?, ?, ?, ?)");
    if (insert.run(id, digest, bytes, size).changes === 0) return;
    let added = bytes;
    const use = this.#db.query<{ uses: number }, [number, Buffer, number]>(
      `INSERT INTO blobs VALUES (?, ?, ?, 1) ON CONFLICT DO UPDATE SET uses = uses + 1 RETURNING uses`,
    );
    for (const [blob, blobSize] of blobs)
      if (use.get(id, digestToBytes(blob), blobSize)?.uses === 1) added += blobSize;
    const addChild = this.#db.query("INSERT OR IGNORE INTO children VALUES (?, ?, ?)");
    for (const child of children) addChild.run(id, digestToBytes(child), digest);
    this.#db
      .query("UPDATE repositories SET manifests = manifests + 1, size = size + ? WHERE id = ?")
      .run(added, id);
  }

  removeManifest(
    repository: RepositoryName,
    manifest: Pick<SummarizedManifest, "digest" | "blobs" | "children">,
  ): void {
    const id = this.#idOf(repository);
    const digest = digestToBytes(manifest.digest);
    const removed = this.#db
      .query<{ bytes: number }, [number, Buffer]>(
        "DELETE FROM manifests WHERE repository = ? AND digest = ? RETURNING bytes",
      )
      .get(id, digest);
    if (!removed) return;
    let freed = removed.bytes;
    const release = this.#db.query<{ uses: number; size: number }, [number, Buffer]>(
      "UPDATE blobs SET uses = uses - 1 WHERE repository = ? AND digest = ? RETURNING uses, size",
    );
    for (const blob of manifest.blobs.keys()) {
      const key = digestToBytes(blob);
      const left = release.get(id, key);
      if (left?.uses !== 0) continue;
      freed += left.size;
      this.#db.query("DELETE FROM blobs WHERE repository = ? AND digest = ?").run(id, key);
    }
    const removeChild = this.#db.query(
      "DELETE FROM children WHERE repository = ? AND child = ? AND parent = ?",
    );
    for (const child of manifest.children) removeChild.run(id, digestToBytes(child), digest);
    this.#db
      .query("UPDATE repositories SET manifests = manifests - 1, size = size - ? WHERE id = ?")
      .run(freed, id);
  }

  /** The indexes of a repository that name a manifest. */
  parentsOf(repository: RepositoryName, child: Digest): Digest[] {
    const sql = `SELECT parent FROM children
      WHERE repository = (SELECT id FROM repositories WHERE name = ?) AND child = ? LIMIT ${MAX_PARENTS}`;
    return this.#db
      .query<{ parent: Uint8Array }, [string, Buffer]>(sql)
      .all(repository, digestToBytes(child))
      .map(({ parent }) => digestFromBytes(parent));
  }

  resizeManifest(repository: RepositoryName, digest: Digest, size: number): void {
    this.#db
      .query("UPDATE manifests SET size = ? WHERE repository = ? AND digest = ?")
      .run(size, this.#idOf(repository), digestToBytes(digest));
  }

  /** Gives the tags of a manifest its size; returns whether there may be more such tags. */
  sizeTags(repository: RepositoryName, digest: Digest): boolean {
    const { changes } = this.#db
      .query(
        `UPDATE tags SET size = ifnull((SELECT size FROM manifests WHERE repository = ?1 AND digest = ?2), 0)
          WHERE repository = ?1 AND tag IN (SELECT tag FROM tags WHERE repository = ?1 AND digest = ?2 AND size <>
            ifnull((SELECT size FROM manifests WHERE repository = ?1 AND digest = ?2), 0) LIMIT ${SIZED_AT_ONCE})`,
      )
      .run(this.#idOf(repository), digestToBytes(digest));
    return changes >= SIZED_AT_ONCE;
  }

  setTag(repository: RepositoryName, tag: Tag, digest: Digest, last: LastSet | undefined): void {
    const id = this.#idOf(repository);
    const isNew = this.#db.query("SELECT 1 FROM tags WHERE repository = ? AND tag = ?").get(id, tag) === null;
    this.#db
      .query(
        `INSERT OR REPLACE INTO tags VALUES (?1, ?2, ?3, ?4,
          ifnull((SELECT size FROM manifests WHERE repository = ?1 AND digest = ?3), 0), ?5)`,
      )
      .run(id, tag, digestToBytes(digest), versionKey(tag), last?.seconds ?? 0);
    if (isNew) this.#db.query("UPDATE repositories SET tags = tags + 1 WHERE id = ?").run(id);
    if (last) this.setPushed(repository, last);
  }

  removeTag(repository: RepositoryName, tag: Tag): void {
    const id = this.#idOf(repository);
    const { changes } = this.#db.query("DELETE FROM tags WHERE repository = ? AND tag = ?").run(id, tag);
    if (changes > 0) this.#db.query("UPDATE repositories SET tags = tags - 1 WHERE id = ?").run(id);
  }

  /** Notes that something was added to a repository. */
  setPushed(repository: RepositoryName, { seconds, user }: LastSet): void {
    const sql = "UPDATE repositories SET pushed = ?1, user = ?2 WHERE id = ?3 AND pushed <= ?1";
    this.#db.query(sql).run(seconds, user, this.#idOf(repository));
  }

  #idOf(repository: RepositoryName): number {
    const known = this.#db
      .query<{ id: number }, [string]>("SELECT id FROM repositories WHERE name = ?")
      .get(repository);
    if (known) return known.id;
    const { lastInsertRowid } = this.#db.query("INSERT INTO repositories (name) VALUES (?)").run(repository);
    return Number(lastInsertRowid);
  }
}
