import type { Database } from "bun:sqlite";
import type { NameRange } from "../../../registry/model/name-range.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import { KeysetScan, type Position } from "./keyset-scan.ts";

export type RepositorySort = "name" | "pushed" | "size" | "tags";
export type TagSort = "name" | "version" | "pushed" | "size";

/** A repository with the value that a list is sorted by as its `key`. */
export interface SummarizedRepository extends Position {
  readonly name: RepositoryName;
  readonly tags: number;
  /** Bytes of its manifests and of the blobs that they name, each once. */
  readonly size: number;
  /** Seconds since the epoch; 0: unknown. */
  readonly pushed: number;
  readonly user: string;
}

export interface SummarizedTag extends Position {
  readonly name: Tag;
}

interface Sorted<S> {
  readonly sort: S;
  readonly descending: boolean;
  readonly text: string;
}

const COLUMNS = ", tags, size, pushed, user";
/** Rows read at once. */
const AT_ONCE = 200;

/** The repositories that hold a manifest. */
export function repositoriesBy(
  db: Database,
  { sort, descending, text }: Sorted<RepositorySort>,
): KeysetScan<SummarizedRepository> {
  const options = {
    table: "repositories",
    nameColumn: "name",
    keyColumn: sort,
    where: "manifests > 0",
  } as const;
  return new KeysetScan(db, { ...options, columns: COLUMNS, descending, text }, {});
}

/** The repositories of a range that hold a manifest, by name. */
export function* repositoriesIn(
  db: Database,
  sort: RepositorySort,
  { from, before }: NameRange,
): Generator<SummarizedRepository> {
  const sql = `SELECT name, ${sort} AS key ${COLUMNS} FROM repositories
    WHERE name >= ?1 AND (?2 IS NULL OR name < ?2) AND manifests > 0 ORDER BY name LIMIT ${AT_ONCE}`;
  const query = db.query<SummarizedRepository, [string, string | null]>(sql);
  for (let start = from; ; ) {
    const rows = query.all(start, before ?? null);
    yield* rows;
    const last = rows.at(-1);
    if (!last || rows.length < AT_ONCE) return;
    start = `${last.name}\0`;
  }
}

/** The tags of a repository, and how many it has; `undefined` if the summaries do not know it. */
export function tagsBy(
  db: Database,
  repository: RepositoryName,
  { sort, descending, text }: Sorted<TagSort>,
): { readonly scan: KeysetScan<SummarizedTag>; readonly count: number } | undefined {
  const known = db
    .query<{ id: number; tags: number }, [string]>("SELECT id, tags FROM repositories WHERE name = ?")
    .get(repository);
  if (!known) return undefined;
  const keyColumn = sort === "name" ? "tag" : sort;
  const options = { table: "tags", nameColumn: "tag", keyColumn, where: "repository = $repository" } as const;
  const scan = new KeysetScan<SummarizedTag>(
    db,
    { ...options, columns: "", descending, text },
    { repository: known.id },
  );
  return { scan, count: known.tags };
}
