import { Pace } from "../../../primitives/jobs/pace.ts";
import { damageIn } from "../../../primitives/sqlite/database-damage.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import type { Actor } from "../../actor.ts";
import { InvalidArgumentError, NotFoundError } from "../../refusals.ts";
import { type PastSearch, type PushedTag, pastTagNames, pastTagsByPush } from "../history/past-tag-search.ts";
import { pastTag } from "../history/past-tags.ts";
import type { InstanceName } from "../settings/instance-config.ts";
import type { Position } from "../summaries/keyset-scan.ts";
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
  const position = positionOf(cursor, search);
  const wanted = { text, descending, limit: limit + 1 };
  const rows =
    sort === "name"
      ? await firstByName(past, repository, { ...wanted, last: position?.name })
      : sort === "version"
        ? await smallestAfter(versions(past, repository, text), search, { position, limit: limit + 1 })
        : await pastTagsByPush(past, repository, {
            ...wanted,
            position: position && placeOf(past, repository, position),
          });
  const shown = rows.slice(0, limit);
  const last = rows.length > limit ? shown.at(-1) : undefined;
  // A cursor tells no numbers of commits, which count those of other repositories.
  const next = last && cursorAfter(search, { name: last.name, key: sort === "version" ? last.key : "" });
  return { tags: shown.map(({ name }) => name), next, total: undefined, isMeasured: true };
}

interface Named extends Position {
  readonly name: Tag;
}

async function firstByName(
  past: PastState,
  repository: RepositoryName,
  { limit, ...search }: PastSearch & { readonly last: string | undefined; readonly limit: number },
): Promise<readonly Named[]> {
  const pace = new Pace(0.3);
  const found: Named[] = [];
  for (const names of pastTagNames(past, repository, search)) {
    const sorted = search.descending ? names.toSorted().reverse() : names.toSorted();
    for (const name of sorted.slice(0, limit - found.length)) found.push({ name, key: name });
    if (found.length === limit) break;
    await pace.rest();
  }
  return found;
}

function* versions(past: PastState, repository: RepositoryName, text: string): Generator<Named> {
  for (const names of pastTagNames(past, repository, { text, descending: false, last: undefined }))
    for (const name of names) yield { name, key: versionKey(name) };
}

/** Where a tag of the page before is among the pushes. */
function placeOf(past: PastState, repository: RepositoryName, { name }: Position): PushedTag {
  const tag = name as Tag;
  return { name: tag, key: pastTag(past, repository, tag)?.seq ?? 0 };
}
