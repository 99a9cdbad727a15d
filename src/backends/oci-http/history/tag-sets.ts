import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import type { HistoryEvent } from "./history.ts";
import type { CommitRow, MoveRow } from "./history-database.ts";
import type { HistoryIndex } from "./history-index.ts";

/** Reads from an index that has caught up. */
export type HistoryRows = Pick<HistoryIndex, "rows" | "first">;

/** When something was last set, and by whom. */
export interface LastSet {
  /** Seconds since the epoch; of what was imported, when it was pushed elsewhere. */
  readonly seconds: number;
  readonly user: string;
}

export function lastSetBy({ seconds, made = seconds, user }: HistoryEvent): LastSet {
  return { seconds: made, user };
}

/** Most commits of a repository that are read to find its last push. */
const MAX_READ = 50;
/** The subjects of commits that add to a repository. */
const ADDS = /^(push|import|mirror|tag|copy|restore) /;

/** The place of a commit in the history; `undefined` if the history does not know it. */
export function seqOf(history: HistoryRows, id: ObjectId): number | undefined {
  return history.rows<CommitRow>("SELECT * FROM commits WHERE id = $id", { id })[0]?.seq;
}

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
  const events = new Map<number, HistoryEvent | undefined>();
  const sets = new Map<Tag, LastSet>();
  for (const tag of tags) {
    const [move] = history.rows<MoveRow>(sql, { repository, tag });
    if (!move) continue;
    if (!events.has(move.seq)) events.set(move.seq, eventAt(history, move.seq));
    const event = events.get(move.seq);
    if (event) sets.set(tag, lastSetBy(event));
  }
  return sets;
}

/** The last of the repository's newest commits that added something to it. */
export function lastPush(
  history: HistoryRows,
  repository: RepositoryName,
  until = Number.MAX_SAFE_INTEGER,
): LastSet | undefined {
  // Nearly always, the newest one is a push.
  for (const limit of [1, MAX_READ]) {
    const sql = `SELECT * FROM commits WHERE repository = $repository AND seq <= $until ORDER BY seq DESC LIMIT ${limit}`;
    for (const { event } of history.rows<CommitRow>(sql, { repository, until })) {
      const read = JSON.parse(event) as HistoryEvent;
      if (ADDS.test(read.subject)) return lastSetBy(read);
    }
  }
  return undefined;
}
