import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import type { MoveRow } from "./history-database.ts";
import type { HistoryRows } from "./tag-sets.ts";

/** Tags that are read at once. */
const AT_ONCE = 500;

/** Commits up to one: its place in the history. */
export interface Past {
  readonly history: HistoryRows;
  readonly seq: number;
}

/** A tag as of a commit, with the commit that had set it last. */
export interface PastTag {
  readonly repository: RepositoryName;
  readonly tag: Tag;
  readonly seq: number;
}

type RepositoryMoveRow = MoveRow & { readonly repository: RepositoryName };

/** SQLite takes the other columns from the row with the greatest `seq`. */
const LAST_MOVES = "SELECT repository, tag, max(seq) AS seq, is_set, sum FROM moves";

/** The tags of a repository as of a commit, after `last`, by name. */
export function* pastTags(
  { history, seq }: Past,
  repository: RepositoryName,
  last: string,
): Generator<PastTag | undefined> {
  const sql = `${LAST_MOVES} WHERE repository = $repository AND seq <= $seq AND tag > $from
    GROUP BY tag ORDER BY tag LIMIT ${AT_ONCE}`;
  for (let from: string | undefined = last; from !== undefined; ) {
    const rows: readonly RepositoryMoveRow[] = history.rows<RepositoryMoveRow>(sql, {
      repository,
      seq,
      from,
    });
    for (const row of rows) if (row.is_set === 1) yield row;
    // Lets the caller rest, where no tag was set.
    yield undefined;
    from = rows.length < AT_ONCE ? undefined : rows.at(-1)?.tag;
  }
}

/** The last commit up to one that set or deleted a tag; `undefined` if the tag was not set then. */
export function pastTag({ history, seq }: Past, repository: RepositoryName, tag: Tag): PastTag | undefined {
  const sql = `SELECT * FROM moves WHERE repository = $repository AND tag = $tag AND seq <= $seq
    ORDER BY seq DESC LIMIT 1`;
  const [row] = history.rows<RepositoryMoveRow>(sql, { repository, tag, seq });
  return row?.is_set === 1 ? row : undefined;
}
