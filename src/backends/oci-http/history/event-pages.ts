import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import type { HistoryEvent } from "./history.ts";
import type { CommitRow } from "./history-database.ts";
import type { HistoryRows } from "./tag-sets.ts";

/** A commit's event, and its place in the history. */
export interface PlacedEvent {
  readonly seq: number;
  readonly event: HistoryEvent;
}

/** Which commits are read, each by an index. */
export interface EventFilter {
  /** In any of these; `undefined`: all commits. */
  readonly repositories: readonly RepositoryName[] | undefined;
  /** Of the commits that name no repository, such as a restore of all: all, or those that moved tags of the only repository. */
  readonly unnamed: "all" | "moving";
  /** A tag of the only repository. */
  readonly tag?: Tag | undefined;
  readonly user?: string | undefined;
}

/** Where to go on: the commits before or after a place, without it, between two others. */
export interface EventPlace {
  readonly direction: "older" | "newer";
  readonly from: number;
  /** The first and last place. */
  readonly first: number;
  readonly last: number;
}

interface Source {
  readonly condition: string;
  readonly values: Readonly<Record<string, string>>;
}

/** The next events that a filter selects, in the direction. */
export function nextEvents(
  history: HistoryRows,
  filter: EventFilter,
  place: EventPlace,
  limit: number,
): PlacedEvent[] {
  const isOlder = place.direction === "older";
  const seqs = new Set<number>();
  for (const source of sourcesOf(filter))
    for (const seq of nextSeqs(history, source, place, limit)) seqs.add(seq);
  const wanted = [...seqs].sort((a, b) => (isOlder ? b - a : a - b)).slice(0, limit);
  const sql = "SELECT * FROM commits WHERE seq IN (SELECT value FROM json_each($wanted))";
  const rows = history.rows<CommitRow>(sql, { wanted: JSON.stringify(wanted) });
  return rows
    .map(({ seq, event }) => ({ seq, event: JSON.parse(event) as HistoryEvent }))
    .sort((a, b) => (isOlder ? b.seq - a.seq : a.seq - b.seq));
}

function sourcesOf({ repositories, unnamed, tag, user }: EventFilter): Source[] {
  const byUser = user === undefined ? "" : "AND user = $user";
  const values = user === undefined ? {} : { user };
  if (repositories === undefined) return [{ condition: byUser, values }];
  const [repository] = repositories;
  if (repository !== undefined && tag !== undefined) {
    const condition = `AND seq IN (SELECT seq FROM moves WHERE repository = $repository AND tag = $tag) ${byUser}`;
    return [{ condition, values: { ...values, repository, tag } }];
  }
  return [
    ...repositories.map((name) => ({
      condition: `AND repository = $repository ${byUser}`,
      values: { ...values, repository: name },
    })),
    unnamed === "moving" && repository !== undefined
      ? {
          condition: `AND repository IS NULL ${byUser} AND seq IN (SELECT seq FROM moves WHERE repository = $repository)`,
          values: { ...values, repository },
        }
      : { condition: `AND repository IS NULL ${byUser}`, values },
  ];
}

function nextSeqs(
  history: HistoryRows,
  { condition, values }: Source,
  { direction, from, first, last }: EventPlace,
  limit: number,
): readonly number[] {
  const isOlder = direction === "older";
  const [low, high] = isOlder ? [first, Math.min(last, from - 1)] : [Math.max(first, from + 1), last];
  const sql = `SELECT json_group_array(seq) AS seqs FROM (SELECT seq FROM commits
    WHERE seq >= $low AND seq <= $high ${condition} ORDER BY seq ${isOlder ? "DESC" : ""} LIMIT ${limit})`;
  const found = history.first<{ seqs: string }>(sql, { ...values, low, high });
  return JSON.parse(found?.seqs ?? "[]") as number[];
}

/** The place of the newest commit; 0: there is none. */
export function newestPlace(history: HistoryRows): number {
  return history.first<{ seq: number | null }>("SELECT max(seq) AS seq FROM commits", {})?.seq ?? 0;
}

/** The place of the last commit that is not after a time; 0: there is none. The times of commits rise, unless a clock was wrong. */
export function placeAt(history: HistoryRows, seconds: number): number {
  let [low, high] = [0, newestPlace(history)];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    const sql = "SELECT seconds FROM commits WHERE seq = $seq";
    const at = history.first<{ seconds: number }>(sql, { seq: middle })?.seconds ?? 0;
    if (at <= seconds) low = middle;
    else high = middle - 1;
  }
  return low;
}
