import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import type { HistoryEvent } from "./history.ts";
import type { CommitRow, MoveRow } from "./history-database.ts";
import type { HistoryIndex } from "./history-index.ts";

/** Reads from an index that has caught up. */
export type HistoryRows = Pick<HistoryIndex, "rows">;

/** When something was last set, and by whom. */
export interface LastSet {
  /** Seconds since the epoch. */
  readonly seconds: number;
  readonly user: string;
}

/** Most commits of a repository that are read to find its last push. */
const MAX_READ = 50;
/** The subjects of commits that add to a repository. */
const ADDS = /^(push|tag|copy|restore) /;

/** The event of a commit by its place in the history. */
export function eventAt(history: HistoryRows, seq: number): HistoryEvent | undefined {
  const [row] = history.rows<CommitRow>("SELECT * FROM commits WHERE seq = $seq", { seq });
  return row && (JSON.parse(row.event) as HistoryEvent);
}

/** Who last set each tag of a repository; tags that the history does not know are left out. */
export function lastSets(
  history: HistoryRows,
  repository: RepositoryName,
  tags: readonly Tag[],
): Map<Tag, LastSet> {
  const sql = "SELECT * FROM moves WHERE repository = $repository AND tag = $tag ORDER BY seq DESC LIMIT 1";
  const events = new Map<number, LastSet | undefined>();
  const sets = new Map<Tag, LastSet>();
  for (const tag of tags) {
    const [move] = history.rows<MoveRow>(sql, { repository, tag });
    if (!move) continue;
    if (!events.has(move.seq)) events.set(move.seq, eventAt(history, move.seq));
    const event = events.get(move.seq);
    if (event) sets.set(tag, { seconds: event.seconds, user: event.user });
  }
  return sets;
}

/** The last of the repository's newest commits that added something to it. */
export function lastPush(history: HistoryRows, repository: RepositoryName): LastSet | undefined {
  const sql = `SELECT * FROM commits WHERE repository = $repository ORDER BY seq DESC LIMIT ${MAX_READ}`;
  for (const { event } of history.rows<CommitRow>(sql, { repository })) {
    const { subject, seconds, user } = JSON.parse(event) as HistoryEvent;
    if (ADDS.test(subject)) return { seconds, user };
  }
  return undefined;
}
