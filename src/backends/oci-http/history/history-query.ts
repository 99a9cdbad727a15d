import type { HistoryFilter } from "./history.ts";

/** Condition for the commits up to one. */
export const UP_TO = "seq <= (SELECT seq FROM commits WHERE id = $until)";
const MOVES = "SELECT seq FROM moves WHERE repository = $repository";

/** Up to `limit` commits that a filter selects, before `$before`, the newest first. */
export function eventsQuery(
  { repository, tag, user, since, until }: HistoryFilter,
  limit: number,
): { readonly sql: string; readonly values: Readonly<Record<string, string | number>> } {
  const select = (...conditions: readonly string[]) =>
    `SELECT * FROM commits WHERE seq < $before ${conditions.map((condition) => `AND ${condition}`).join(" ")}
      ORDER BY seq DESC LIMIT ${limit}`;
  const common = [
    ...(user === undefined ? [] : ["user = $user"]),
    ...(since === undefined ? [] : ["seconds >= $since"]),
    ...(until === undefined ? [] : [UP_TO]),
  ];
  const values = {
    ...(repository !== undefined && { repository }),
    ...(repository !== undefined && tag !== undefined && { tag }),
    ...(user !== undefined && { user }),
    ...(since !== undefined && { since }),
    ...(until !== undefined && { until }),
  };
  if (repository === undefined) return { sql: select(...common), values };
  if (tag !== undefined) return { sql: select(`seq IN (${MOVES} AND tag = $tag)`, ...common), values };
  // A commit that names no repository, such as a restore of all, belongs to those whose tags it moved.
  const sql = `SELECT * FROM (${select("repository = $repository", ...common)})
    UNION ALL SELECT * FROM (${select("repository IS NULL", `seq IN (${MOVES})`, ...common)})
    ORDER BY seq DESC LIMIT ${limit}`;
  return { sql, values };
}
