import type { Database } from "bun:sqlite";
import { Pace } from "../../../primitives/jobs/pace.ts";

/** Commits that are counted at once. */
const AT_ONCE = 10_000;

export interface DayCommits {
  /** In UTC, `2026-01-31`. */
  readonly day: string;
  readonly commits: number;
}

/** The newest days that have commits, newest first; counted in short slices. */
export async function commitsByDay(db: Database, limit: number): Promise<DayCommits[]> {
  const newest = db.query<{ seq: number | null }, []>("SELECT max(seq) AS seq FROM commits").get()?.seq ?? 0;
  const query = db.query<DayCommits, [number, number]>(
    `SELECT date(seconds, 'unixepoch') AS day, count(*) AS commits FROM commits
      WHERE seq > ? AND seq <= ? GROUP BY day`,
  );
  const byDay = new Map<string, number>();
  const pace = new Pace(1);
  for (let seq = newest; seq > 0 && byDay.size <= limit; seq -= AT_ONCE) {
    for (const { day, commits } of query.all(seq - AT_ONCE, seq))
      byDay.set(day, (byDay.get(day) ?? 0) + commits);
    await pace.rest();
  }
  const days = [...byDay].map(([day, commits]) => ({ day, commits }));
  return days.sort((a, b) => (a.day > b.day ? -1 : 1)).slice(0, limit);
}
