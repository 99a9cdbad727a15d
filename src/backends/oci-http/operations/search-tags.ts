import { Pace } from "../../../primitives/jobs/pace.ts";
import { damageIn } from "../../../primitives/sqlite/database-damage.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import type { Actor } from "../../actor.ts";
import { InvalidArgumentError, NotFoundError } from "../../refusals.ts";
import { pastTag, pastTags } from "../history/past-tags.ts";
import type { InstanceName } from "../settings/instance-config.ts";
import { type TagSort, tagsBy } from "../summaries/summary-pages.ts";
import { versionKey } from "../summaries/version-key.ts";
import { checkLimit, cursorAfter, type FoundPage, pageOf, positionOf } from "./found-page.ts";
import { type FoundTag, tagDescriber } from "./found-tag.ts";
import type { Moment } from "./moment.ts";
import { smallestAfter } from "./past-order.ts";
import { type ContentServices, configOf, requireReader } from "./registry-access.ts";
import { type PastState, type RegistryState, stateOf, summariesOf } from "./registry-state.ts";

export type { FoundTag, TagSort };

export interface TagSearch {
  readonly instance: InstanceName;
  readonly repository: RepositoryName;
  /** A part of the tag, in any case; empty or `undefined`: all. */
  readonly text?: string | undefined;
  readonly sort: TagSort;
  readonly descending: boolean;
  /** From the page before. */
  readonly cursor?: string | undefined;
  readonly limit: number;
  /** As of a moment; then not by size. */
  readonly at?: Moment | undefined;
}

/** Tags read at once while no measurements are there. */
const TAGS_AT_ONCE = 200;
/** Most tags that are searched to count those with a text. */
const MAX_COUNTED = 20_000;
/** Images that are read at once. */
const READ_AT_ONCE = 8;

interface Names {
  readonly tags: readonly Tag[];
  readonly next: string | undefined;
  readonly total: number | undefined;
  readonly isMeasured: boolean;
}

/**
 * A page of the tags of a repository. Rejects with `NotAllowedError` if the actor may not read a repository of this name,
 * whether it exists or not; with `NotFoundError` if it may, and there is none.
 */
export async function searchTags(
  services: ContentServices,
  actor: Actor,
  search: TagSearch,
): Promise<FoundPage<FoundTag>> {
  const { instance, repository, at } = search;
  checkLimit(search.limit);
  const config = configOf(services, instance);
  requireReader(actor, instance, repository);
  positionOf(search.cursor, search);
  const state = await stateOf(services, instance, at);
  if (!(await state.isKnown(repository)))
    throw new NotFoundError(`no repository '${repository}' in '${instance}'`);
  const { tags, ...page } = state.past
    ? await pastNames(state.past, search)
    : ((await measuredNames(state, search)) ?? (await plainNames(state, search)));
  const describe = await tagDescriber(state, config, repository, tags);
  const entries: FoundTag[] = [];
  const pace = new Pace(0.3);
  for (let i = 0; i < tags.length; i += READ_AT_ONCE) {
    const found = await Promise.all(tags.slice(i, i + READ_AT_ONCE).map(describe));
    entries.push(...found.filter((entry) => entry !== undefined));
    await pace.rest();
  }
  return { entries, ...page };
}

/** `undefined` while the store is measured for the first time. */
async function measuredNames(state: RegistryState, search: TagSearch): Promise<Names | undefined> {
  const { repository, cursor, limit, text = "" } = search;
  const db = await summariesOf(state);
  const known = db && tagsBy(db, repository, { ...search, text });
  if (!known) return undefined;
  const { scan, count } = known;
  try {
    const { rows, next } = await pageOf(scan.after(positionOf(cursor, search)), search, limit);
    const total = text === "" ? count : count <= MAX_COUNTED ? await scan.count(MAX_COUNTED) : undefined;
    return { tags: rows.map(({ name }) => name), next, total, isMeasured: true };
  } catch (error) {
    if (damageIn(error) === undefined) throw error;
    state.oci.summaries.discard();
    return undefined;
  }
}

/** Tags in the order of their names; only by name there is another page. */
async function plainNames({ oci }: RegistryState, search: TagSearch): Promise<Names> {
  const { repository, sort, descending, cursor, limit, text = "" } = search;
  const isInOrder = sort === "name" && !descending;
  const wanted = text.toLowerCase();
  const first = isInOrder ? (positionOf(cursor, search)?.name ?? "") : "";
  const list = async function* () {
    const pace = new Pace(0.5);
    for (let last: string | undefined = first; last !== undefined; ) {
      const tags: readonly Tag[] = oci.index.tags(repository, last, TAGS_AT_ONCE);
      for (const tag of tags) if (tag.toLowerCase().includes(wanted)) yield { key: tag, name: tag };
      last = tags.length === TAGS_AT_ONCE ? tags.at(-1) : undefined;
      await pace.rest();
    }
  };
  const { rows, next } = await pageOf(list(), search, limit);
  const tags = rows.map(({ name }) => name);
  return { tags, next: isInOrder ? next : undefined, total: undefined, isMeasured: false };
}

async function pastNames(past: PastState, search: TagSearch): Promise<Names> {
  const { repository, sort, descending, cursor, limit, text = "" } = search;
  if (sort === "size")
    throw new InvalidArgumentError("tags of the past are sorted by name, version or last push, not by size");
  const wanted = text.toLowerCase();
  const position = positionOf(cursor, search);
  // By name, the history is read from the position on; else all of it, and the first entries are kept.
  const isByName = sort === "name";
  const list = function* () {
    for (const found of pastTags(past, repository, {
      descending: isByName && descending,
      last: isByName ? position?.name : undefined,
    })) {
      if (!found?.tag.toLowerCase().includes(wanted)) yield undefined;
      else yield { name: found.tag, key: keyOf(sort, found) };
    }
  };
  // A cursor tells no numbers of commits, which count those of other repositories.
  const from =
    position && sort === "pushed" ? pushedPosition(past, repository, position.name as Tag) : position;
  const rows = isByName
    ? await firstOf(list(), limit + 1)
    : await smallestAfter(list(), search, { position: from, limit: limit + 1 });
  const shown = rows.slice(0, limit);
  const last = rows.length > limit ? shown.at(-1) : undefined;
  const next = last && cursorAfter(search, { name: last.name, key: sort === "version" ? last.key : "" });
  return { tags: shown.map(({ name }) => name), next, total: undefined, isMeasured: true };
}

function keyOf(sort: TagSort, { tag, seq }: { readonly tag: Tag; readonly seq: number }): string | number {
  if (sort === "name") return tag;
  return sort === "version" ? versionKey(tag) : seq;
}

function pushedPosition(past: PastState, repository: RepositoryName, tag: Tag) {
  return { name: tag, key: pastTag(past, repository, tag)?.seq ?? 0 };
}

async function firstOf<T>(list: Iterable<T | undefined>, limit: number): Promise<T[]> {
  const pace = new Pace(0.5);
  const found: T[] = [];
  for (const entry of list) {
    await pace.rest();
    if (entry !== undefined) found.push(entry);
    if (found.length === limit) break;
  }
  return found;
}
