import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import { placeAt } from "./event-pages.ts";
import type { HistoryEvent } from "./history.ts";
import type { CommitRow } from "./history-database.ts";
import type { HistoryIndex } from "./history-index.ts";

/** The place of a commit among those that set tags: the newest commit that is not younger, then its own time and number. */
type Place = readonly [after: number, made: number, seq: number];

/**
 * For each tag of a repository the places of the last commits that set it, newest first, as numbers that rise with the age of
 * what the tag names. Those are the sequence numbers of the commits; but an import counts as if it had been made when its
 * content was pushed elsewhere, between the commits of then. The caller catches up first.
 */
export function setsInOrder(
  history: Pick<HistoryIndex, "rows" | "first" | "setsOf">,
  repository: RepositoryName,
): ReadonlyMap<Tag, readonly number[]> {
  const sets = history.setsOf(repository);
  const imports = importsOf(history, repository);
  if (imports.size === 0) return sets;
  const places = new Map<number, Place>();
  for (const seqs of sets.values()) {
    for (const seq of seqs) {
      const made = imports.get(seq);
      if (made === undefined) places.set(seq, [seq, 0, seq]);
      else places.set(seq, [Math.min(placeAt(history, made), seq - 1), made, seq]);
    }
  }
  const sorted = [...places].sort(([, a], [, b]) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]);
  const ranks = new Map(sorted.map(([seq], rank) => [seq, rank]));
  return new Map([...sets].map(([tag, seqs]) => [tag, seqs.map((seq) => ranks.get(seq) ?? seq)]));
}

/** When what the imports into a repository brought was made, by the commits' sequence numbers. */
function importsOf(history: Pick<HistoryIndex, "rows">, repository: RepositoryName): Map<number, number> {
  const sql = `SELECT * FROM commits WHERE repository = $repository
    AND json_extract(event, '$.made') IS NOT NULL`;
  const found = new Map<number, number>();
  for (const { seq, event } of history.rows<CommitRow>(sql, { repository })) {
    const { made } = JSON.parse(event) as HistoryEvent;
    if (made !== undefined) found.set(seq, made);
  }
  return found;
}
