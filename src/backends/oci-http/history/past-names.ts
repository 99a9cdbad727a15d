import type { NameRange } from "../../../registry/model/name-range.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Past } from "./past-tags.ts";
import type { HistoryRows } from "./tag-sets.ts";

/** Names that are read, or looked up, at once: a turn of a few milliseconds. */
export const NAMES_AT_ONCE = 100;
/** Most tags of a repository that are counted at once. */
const COUNTED_AT_ONCE = 4000;
/** Newest commits of a repository among which its last push is looked for; nearly always, it is the newest. */
const PUSHES_AMONG = 50;
/** Sorts after every name. */
const LAST_NAME = "\x7f";

/** The names of a range that ever held a manifest, in their order; after `last`, or before it if `descending`. */
export function* formerNames(
  history: HistoryRows,
  { from, before }: NameRange,
  { last, descending }: { readonly last: string | undefined; readonly descending: boolean },
): Generator<RepositoryName> {
  const isPast = (name: string) => (descending ? name < from : before !== undefined && name >= before);
  let [operator, position] = descending ? ["<", before ?? LAST_NAME] : [">=", from];
  if (last !== undefined && (descending ? last < position : last >= position))
    [operator, position] = [descending ? "<" : ">", last];
  for (;;) {
    const names = nextNames(history, operator, position, descending);
    for (const name of names) {
      if (isPast(name)) return;
      yield name;
    }
    const end = names.at(-1);
    if (end === undefined || names.length < NAMES_AT_ONCE) return;
    [operator, position] = [descending ? "<" : ">", end];
  }
}

/** Each name is looked up by the one before it: there may be many manifests of each. */
function nextNames(
  history: HistoryRows,
  operator: string,
  position: string,
  descending: boolean,
): RepositoryName[] {
  const [next, beyond] = descending ? ["max", "<"] : ["min", ">"];
  const sql = `WITH RECURSIVE named (name) AS (
      SELECT ${next}(repository) FROM mentions WHERE repository ${operator} $position
      UNION ALL SELECT (SELECT ${next}(repository) FROM mentions WHERE repository ${beyond} name) FROM named
        WHERE name IS NOT NULL LIMIT ${NAMES_AT_ONCE})
    SELECT json_group_array(name) AS names FROM named WHERE name IS NOT NULL`;
  const found = history.first<{ names: string }>(sql, { position });
  return JSON.parse(found?.names ?? "[]") as RepositoryName[];
}

/** The value of an SQL expression for each of the names, in their order; `value` in it is the name. */
function ofEach<T>({ history, seq }: Past, names: readonly RepositoryName[], expression: string): T[] {
  const sql = `SELECT json_group_array(${expression}) AS found FROM json_each($names) WHERE $seq >= 0`;
  const found = history.first<{ found: string }>(sql, { names: JSON.stringify(names), seq });
  return JSON.parse(found?.found ?? "[]") as T[];
}

/** The place of the last commit of each repository; 0: none. At most `NAMES_AT_ONCE` names, as below. */
export function lastChanges(past: Past, names: readonly RepositoryName[]): number[] {
  const sql = "SELECT max(seq) FROM commits WHERE repository = value AND seq <= $seq";
  return ofEach(past, names, `ifnull((${sql}), 0)`);
}

/** The place of the last commit that added something to each repository, as `lastPush` finds it; 0: none. */
export function lastPushes(past: Past, names: readonly RepositoryName[]): number[] {
  const verb = "substr(event ->> 'subject', 1, instr(event ->> 'subject', ' '))";
  const sql = `SELECT seq FROM (SELECT seq, event FROM commits WHERE repository = value AND seq <= $seq
    ORDER BY seq DESC LIMIT ${PUSHES_AMONG}) WHERE ${verb} IN ('push ', 'tag ', 'copy ', 'restore ') LIMIT 1`;
  return ofEach(past, names, `ifnull((${sql}), 0)`);
}

/** Whether each repository had tags. */
export function haveTags(past: Past, names: readonly RepositoryName[]): boolean[] {
  const sql = `SELECT 1 FROM (SELECT is_set, max(seq) FROM moves WHERE repository = value AND seq <= $seq GROUP BY tag)
    WHERE is_set = 1`;
  return ofEach<number>(past, names, `EXISTS (${sql})`).map((has) => has === 1);
}

/** How many tags each repository had; `undefined`: too many to be counted at once. */
export function tagCounts(past: Past, names: readonly RepositoryName[]): (number | undefined)[] {
  const sql = `SELECT json_array(total(is_set), count(*)) FROM (SELECT is_set, max(seq) FROM moves
    WHERE repository = value AND seq <= $seq GROUP BY tag LIMIT ${COUNTED_AT_ONCE})`;
  const counts = ofEach<readonly [number, number]>(past, names, `json((${sql}))`);
  return counts.map(([found, count]) => (count < COUNTED_AT_ONCE ? found : undefined));
}

/** Whether a commit that names no repository, such as a restore of all, may have filled any of them. */
export function hasUnnamedCommits({ history, seq }: Past): boolean {
  const sql = "SELECT 1 AS has FROM commits WHERE repository IS NULL AND seq <= $seq LIMIT 1";
  return history.first(sql, { seq }) !== undefined;
}
