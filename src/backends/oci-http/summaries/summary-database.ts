import { type DatabaseSchema, DERIVED_CHECKPOINT_PAGES } from "../../../primitives/sqlite/open-database.ts";

/**
 * Sizes, counts and last pushes in the order in which pages list them. What a page shows of a tag is read from the index and
 * the history; so the rows have no checksums: damage makes a list wrongly ordered, and a rebuild corrects it.
 */
export const SUMMARY_DATABASE: DatabaseSchema = {
  version: 1,
  checkpointPages: DERIVED_CHECKPOINT_PAGES,
  sql: `
    CREATE TABLE state (
      head TEXT, -- the commit that the tables are up to date with; none while they are being filled
      seq INTEGER -- its place in the history
    );
    INSERT INTO state VALUES (NULL, NULL);
    CREATE TABLE repositories (
      id INTEGER PRIMARY KEY,
      name TEXT NOT NULL UNIQUE,
      manifests INTEGER NOT NULL DEFAULT 0,
      tags INTEGER NOT NULL DEFAULT 0,
      size INTEGER NOT NULL DEFAULT 0, -- bytes of its manifests and of the blobs that they name, each once
      pushed INTEGER NOT NULL DEFAULT 0, -- seconds since the epoch
      user TEXT NOT NULL DEFAULT ''
    );
    CREATE INDEX repositories_by_tags ON repositories (tags, name);
    CREATE INDEX repositories_by_size ON repositories (size, name);
    CREATE INDEX repositories_by_pushed ON repositories (pushed, name);
    CREATE TABLE manifests (
      repository INTEGER NOT NULL,
      digest BLOB NOT NULL,
      bytes INTEGER NOT NULL,
      size INTEGER NOT NULL, -- bytes of the blobs that a pull of all platforms downloads
      PRIMARY KEY (repository, digest)
    ) WITHOUT ROWID;
    CREATE TABLE blobs (
      repository INTEGER NOT NULL,
      digest BLOB NOT NULL,
      size INTEGER NOT NULL,
      uses INTEGER NOT NULL, -- by manifests of the repository
      PRIMARY KEY (repository, digest)
    ) WITHOUT ROWID;
    CREATE TABLE children (
      repository INTEGER NOT NULL,
      child BLOB NOT NULL,
      parent BLOB NOT NULL, -- an index
      PRIMARY KEY (repository, child, parent)
    ) WITHOUT ROWID;
    CREATE TABLE tags (
      repository INTEGER NOT NULL,
      tag TEXT NOT NULL,
      digest BLOB NOT NULL,
      version TEXT NOT NULL, -- see versionKey
      size INTEGER NOT NULL, -- of its manifest
      pushed INTEGER NOT NULL, -- seconds since the epoch
      PRIMARY KEY (repository, tag)
    ) WITHOUT ROWID;
    CREATE INDEX tags_by_digest ON tags (repository, digest);
    CREATE INDEX tags_by_version ON tags (repository, version, tag);
    CREATE INDEX tags_by_size ON tags (repository, size, tag);
    CREATE INDEX tags_by_pushed ON tags (repository, pushed, tag)`,
  check: () => undefined,
};
