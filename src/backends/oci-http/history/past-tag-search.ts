import { Pace } from "../../../primitives/jobs/pace.ts";
import { likePattern } from "../../../primitives/sqlite/like-pattern.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import type { Past } from "./past-tags.ts";

/** Rows among which tags are searched at once: a turn of a few milliseconds. */
const SEARCHED_AT_ONCE = 4000;

export interface PastSearch {
  /** A part of the tag, in any case; empty: all. */
  readonly text: string;
  readonly descending: boolean;
}

/** A tag with the place of the commit that had set it last. */
export interface PushedTag {
  readonly name: Tag;
  readonly key: number;
}

interface PushSearch extends PastSearch {
  /** The tag before the first one. */
  readonly position: PushedTag | undefined;
  readonly limit: number;
}

/**
 * The tags of a repository as of a commit, some thousands at once: each group in any order, the groups by name. The rows'
 * checksums are not compared, as everywhere in this file: they are when a page reads what it shows of a tag.
 */
export function* pastTagNames(
  past: Past,
  repository: RepositoryName,
  { text, descending, last }: PastSearch & { readonly last: string | undefined },
): Generator<readonly Tag[]> {
  for (const { tags, values } of stretches(past, repository, { text, descending, last })) {
    // No tag holds a space.
    const sql = `SELECT group_concat(tag, ' ') AS names FROM ${tags}`;
    const names = past.history.first<{ names: string | null }>(sql, values)?.names?.split(" ") ?? [];
    yield names as Tag[];
  }
}

/** The first tags of a repository as of a commit, in the order in which they had been set. */
export async function pastTagsByPush(
  past: Past,
  repository: RepositoryName,
  { text, descending, position, limit }: PushSearch,
): Promise<readonly PushedTag[]> {
  const [direction, after, before] = descending ? ["DESC", "<", ">"] : ["ASC", ">", "<"];
  const isBefore = (a: PushedTag, b: PushedTag) => a.key < b.key || (a.key === b.key && a.name < b.name);
  const sign = descending ? -1 : 1;
  const pace = new Pace(0.3);
  let first: PushedTag[] = [];
  for (const { tags, values } of stretches(past, repository, { text, descending, last: undefined })) {
    const end = first.length === limit ? first.at(-1) : undefined;
    const sql = `SELECT json_group_array(json_object('name', tag, 'key', seq)) AS found FROM (SELECT tag, seq FROM ${tags}
      WHERE ${position ? `(seq, tag) ${after} ($key, $name)` : 1} AND ${end ? `(seq, tag) ${before} ($endKey, $endName)` : 1}
      ORDER BY seq ${direction}, tag ${direction} LIMIT ${limit})`;
    const found = past.history.first<{ found: string }>(sql, {
      ...values,
      ...(position && { key: position.key, name: position.name }),
      ...(end && { endKey: end.key, endName: end.name }),
    });
    first.push(...(JSON.parse(found?.found ?? "[]") as PushedTag[]));
    first = first.sort((a, b) => (isBefore(a, b) ? -sign : sign)).slice(0, limit);
    await pace.rest();
  }
  return first;
}

/** How many tags a repository had as of a commit. */
export async function countPastTags(past: Past, repository: RepositoryName): Promise<number> {
  const all = { text: "", descending: false, last: undefined };
  const pace = new Pace(0.3);
  let total = 0;
  for (const { tags, values } of stretches(past, repository, all)) {
    const counted = past.history.first<{ count: number }>(`SELECT count(*) AS count FROM ${tags}`, values);
    total += counted?.count ?? 0;
    await pace.rest();
  }
  return total;
}

interface Stretch {
  /** A table of the tags that were set then: `tag` and `seq`. */
  readonly tags: string;
  readonly values: Readonly<Record<string, string | number>>;
}

/** The tags of a repository as of a commit in parts, which are searched one by one. */
function* stretches(
  { history, seq }: Past,
  repository: RepositoryName,
  { text, descending, last }: PastSearch & { readonly last: string | undefined },
): Generator<Stretch> {
  const [after, until, direction] = descending ? ["<", ">=", "DESC"] : [">", "<=", "ASC"];
  for (let from = last; ; ) {
    const begins = from === undefined ? "" : `AND tag ${after} $from`;
    const known = { repository, ...(from !== undefined && { from }) };
    const end = history.first<{ tag: string }>(
      `SELECT tag FROM moves WHERE repository = $repository ${begins}
        ORDER BY tag ${direction} LIMIT 1 OFFSET ${SEARCHED_AT_ONCE - 1}`,
      known,
    )?.tag;
    const tags = `(SELECT tag, seq FROM (SELECT tag, is_set, max(seq) AS seq FROM moves
      WHERE repository = $repository AND seq <= $seq ${begins} ${end === undefined ? "" : `AND tag ${until} $end`}
        ${text === "" ? "" : "AND tag LIKE $like ESCAPE '\\'"}
      GROUP BY tag) WHERE is_set = 1)`;
    const values = { ...known, seq, ...(end !== undefined && { end }) };
    yield { tags, values: text === "" ? values : { ...values, like: likePattern(text) } };
    if (end === undefined) return;
    from = end;
  }
}
