import { Pace } from "../../../primitives/jobs/pace.ts";
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
  /** Of the commits that name no repository, such as a restore of all: all, or those at these places, in their order. */
  readonly unnamed: "all" | readonly number[];
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
  /** Of SQL, after `AND`. */
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
  if (filter.unnamed !== "all" && filter.tag === undefined)
    for (const seq of nextPlaces(filter.unnamed, place, limit)) seqs.add(seq);
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
    ...(unnamed === "all" ? [{ condition: `AND repository IS NULL ${byUser}`, values }] : []),
  ];
}

interface MovesRead {
  readonly count: number;
  readonly tag: string;
  readonly seqs: string;
}

/** Moves of tags that are looked at at once. */
const MOVES_AT_ONCE = 4000;

/** The places of the commits, of all users or of one, that name no repository and moved tags of this one; in their order. */
export async function unnamedMoves(
  history: HistoryRows,
  repository: RepositoryName,
  user: string | undefined,
): Promise<number[]> {
  const byUser = user === undefined ? "" : "AND user = $user";
  const isUnnamed = `SELECT seq FROM commits WHERE repository IS NULL ${byUser}`;
  const values = { ...(user !== undefined && { user }) };
  if (history.first(`${isUnnamed} LIMIT 1`, values) === undefined) return [];
  const sql = `SELECT count(*) AS count, max(tag) AS tag, json_group_array(DISTINCT seq)
      FILTER (WHERE EXISTS (${isUnnamed} AND seq = moved.seq)) AS seqs
    FROM (SELECT tag, seq FROM moves WHERE repository = $repository AND tag >= $tag ORDER BY tag, seq
      LIMIT ${MOVES_AT_ONCE} OFFSET $offset) moved`;
  const found = new Set<number>();
  const pace = new Pace(0.5);
  for (let [tag, offset] = ["", 0]; ; ) {
    const read = history.first<MovesRead>(sql, { ...values, repository, tag, offset });
    for (const seq of JSON.parse(read?.seqs ?? "[]") as number[]) found.add(seq);
    if (!read || read.count < MOVES_AT_ONCE) return [...found].sort((a, b) => a - b);
    // A tag may have been moved more often than that.
    [tag, offset] = read.tag === tag ? [tag, offset + MOVES_AT_ONCE] : [read.tag, 0];
    await pace.rest();
  }
}

/** The ends of what lies in the direction. */
function boundsOf({ direction, from, first, last }: EventPlace): readonly [low: number, high: number] {
  return direction === "older" ? [first, Math.min(last, from - 1)] : [Math.max(first, from + 1), last];
}

function nextPlaces(places: readonly number[], place: EventPlace, limit: number): readonly number[] {
  const [low, high] = boundsOf(place);
  const within = places.filter((seq) => seq >= low && seq <= high);
  return place.direction === "older" ? within.slice(-limit) : within.slice(0, limit);
}

function nextSeqs(
  history: HistoryRows,
  { condition, values }: Source,
  place: EventPlace,
  limit: number,
): readonly number[] {
  const isOlder = place.direction === "older";
  const [low, high] = boundsOf(place);
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
