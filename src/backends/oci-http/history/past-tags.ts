import { Pace } from "../../../primitives/jobs/pace.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import type { MoveRow } from "./history-database.ts";
import type { HistoryRows } from "./tag-sets.ts";

/** Tags that are read at once. */
const AT_ONCE = 500;
const COUNTED_AT_ONCE = 4000;
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

/** The tags of a repository as of a commit, after `last` by name. */
export function* pastTags(
  { history, seq }: Past,
  repository: RepositoryName,
  { last, descending = false }: { readonly last?: string | undefined; readonly descending?: boolean },
): Generator<PastTag | undefined> {
  const after = (has: boolean) => (has ? `AND tag ${descending ? "<" : ">"} $last` : "");
  for (let from = last; ; ) {
    const sql = `${LAST_MOVES} WHERE repository = $repository AND seq <= $seq ${after(from !== undefined)}
      GROUP BY tag ORDER BY tag ${descending ? "DESC" : ""} LIMIT ${AT_ONCE}`;
    const values = { repository, seq, ...(from !== undefined && { last: from }) };
    const rows = history.rows<RepositoryMoveRow>(sql, values);
    for (const row of rows) if (row.is_set === 1) yield row;
    from = rows.at(-1)?.tag;
    if (rows.length < AT_ONCE) return;
    // Lets the caller rest, where no tag was set.
    yield undefined;
  }
}

/** The last commit up to one that set or deleted a tag; `undefined` if the tag was not set then. */
export function pastTag({ history, seq }: Past, repository: RepositoryName, tag: Tag): PastTag | undefined {
  const sql = `SELECT * FROM moves WHERE repository = $repository AND tag = $tag AND seq <= $seq
    ORDER BY seq DESC LIMIT 1`;
  const [row] = history.rows<RepositoryMoveRow>(sql, { repository, tag, seq });
  return row?.is_set === 1 ? row : undefined;
}

/** How many tags a repository had as of a commit. */
export async function countPastTags({ history, seq }: Past, repository: RepositoryName): Promise<number> {
  const sql = `SELECT total(is_set) AS found, count(*) AS count, max(tag) AS last FROM
    (SELECT tag, is_set, max(seq) FROM moves WHERE repository = $repository AND seq <= $seq AND tag > $last
      GROUP BY tag ORDER BY tag LIMIT ${COUNTED_AT_ONCE})`;
  const pace = new Pace(0.5);
  let total = 0;
  for (let last = ""; ; ) {
    const counted = history.first<{ found: number; count: number; last: string }>(sql, {
      repository,
      seq,
      last,
    });
    total += counted?.found ?? 0;
    if (!counted || counted.count < COUNTED_AT_ONCE) return total;
    last = counted.last;
    await pace.rest();
  }
}
