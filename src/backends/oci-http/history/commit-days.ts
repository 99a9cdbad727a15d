import type { Database } from "bun:sqlite";
import { Pace } from "../../../primitives/jobs/pace.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";

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

/** Newest commits of a repository that are counted. */
const MAX_OF_REPOSITORY = 20_000;

/** The days of the newest commits of one repository, newest first. */
export function repositoryCommitsByDay(db: Database, repository: RepositoryName): DayCommits[] {
  const sql = `SELECT date(seconds, 'unixepoch') AS day, count(*) AS commits
    FROM (SELECT seconds FROM commits WHERE repository = ? ORDER BY seq DESC LIMIT ${MAX_OF_REPOSITORY})
    GROUP BY day ORDER BY day DESC`;
  return db.query<DayCommits, [string]>(sql).all(repository);
}
