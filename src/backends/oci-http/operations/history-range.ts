import { Pace } from "../../../primitives/jobs/pace.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Actor } from "../../actor.ts";
import { placeAt } from "../history/event-pages.ts";
import type { CommitRow } from "../history/history-database.ts";
import { formerNames } from "../history/past-names.ts";
import type { HistoryRows } from "../history/tag-sets.ts";
import type { InstanceName } from "../settings/instance-config.ts";
import { lastPlace } from "./last-place.ts";
import { readableRanges, readsAll } from "./readable-repositories.ts";
import { type ContentServices, holdsRole } from "./registry-access.ts";

/** The time that a registry's history covers, as far as the actor may know of it. */
export interface HistoryRange {
  /** When the first commit was made; `undefined`: there is none. */
  readonly first: Date | undefined;
  readonly newest: Date | undefined;
  /** The days of the last year with a commit, the oldest first. */
  readonly days: readonly { readonly day: string; readonly commits: number }[];
}

const DAY_SECONDS = 86_400;
const MAX_DAYS = 366;
/** Most repositories whose commits are counted, for an actor who may not read all. */
const MAX_REPOSITORIES = 2000;
const SEQS_AT_ONCE = 5000;

/** The range of a registry's commits in repositories that the actor may read. */
export async function historyRange(
  services: ContentServices,
  actor: Actor,
  { instance }: { readonly instance: InstanceName },
): Promise<HistoryRange> {
  const last = await lastPlace(services, instance, undefined);
  const { history } = services.instances.storeOf(instance);
  const places = await placesOf(history, actor, instance, last);
  const [first, newest] = [timeAt(history, places.first), timeAt(history, places.newest)];
  if (first === undefined || newest === undefined) return { first: undefined, newest: undefined, days: [] };
  const days: { day: string; commits: number }[] = [];
  const pace = new Pace(0.5);
  const end = Math.floor(newest / DAY_SECONDS);
  let before = 0;
  for (let day = Math.max(Math.floor(first / DAY_SECONDS), end - MAX_DAYS + 1); day <= end; day++) {
    await pace.rest();
    if (before === 0) before = placeAt(history, day * DAY_SECONDS - 1);
    const until = day === end ? last : placeAt(history, (day + 1) * DAY_SECONDS - 1);
    const commits = places.between(before, until);
    if (commits > 0)
      days.push({ day: new Date(day * DAY_SECONDS * 1000).toISOString().slice(0, 10), commits });
    before = until;
  }
  return { first: new Date(first * 1000), newest: new Date(newest * 1000), days };
}

interface Places {
  readonly first: number;
  readonly newest: number;
  /** The number of commits after one place and up to another. */
  between(before: number, until: number): number;
}

async function placesOf(
  history: HistoryRows,
  actor: Actor,
  instance: InstanceName,
  last: number,
): Promise<Places> {
  if (readsAll(actor, instance))
    return { first: 1, newest: last, between: (before, until) => Math.max(until - before, 0) };
  const seqs: number[] = [];
  const pace = new Pace(0.5);
  let examined = 0;
  for (const range of readableRanges(actor, instance)) {
    for (const repository of formerNames(history, range, { last: undefined, descending: false })) {
      await pace.rest();
      if (!holdsRole(actor, instance, repository, "reader") || ++examined > MAX_REPOSITORIES) continue;
      for (const read of seqsOf(history, repository, last)) {
        for (const seq of read) seqs.push(seq);
        await pace.rest();
      }
    }
  }
  seqs.sort((a, b) => a - b);
  let at = 0;
  return {
    first: seqs[0] ?? 0,
    newest: seqs.at(-1) ?? 0,
    between(before, until) {
      let count = 0;
      for (let seq = seqs[at]; seq !== undefined && seq <= until; seq = seqs[++at]) if (seq > before) count++;
      return count;
    },
  };
}

function* seqsOf(history: HistoryRows, repository: RepositoryName, last: number): Generator<number[]> {
  const sql = `SELECT json_group_array(seq) AS seqs FROM (SELECT seq FROM commits
    WHERE repository = $repository AND seq > $after AND seq <= $last ORDER BY seq LIMIT ${SEQS_AT_ONCE})`;
  for (let after: number | undefined = 0; after !== undefined; ) {
    const found: { seqs: string } | undefined = history.first(sql, { repository, after, last });
    const seqs = JSON.parse(found?.seqs ?? "[]") as number[];
    yield seqs;
    after = seqs.length === SEQS_AT_ONCE ? seqs.at(-1) : undefined;
  }
}

/** Seconds since the epoch. */
function timeAt(history: HistoryRows, seq: number): number | undefined {
  const [row] = history.rows<CommitRow & { readonly seconds: number }>(
    "SELECT * FROM commits WHERE seq = $seq",
    { seq },
  );
  return row?.seconds;
}
