import type { Database } from "bun:sqlite";
import { Pace } from "../../../primitives/jobs/pace.ts";
import { damageIn } from "../../../primitives/sqlite/database-damage.ts";
import type { AccessPath } from "../../../primitives/users/access-path.ts";
import { ANONYMOUS } from "../../../primitives/users/user.ts";
import type { UserDirectory } from "../../../primitives/users/user-directory.ts";
import type { NameRange } from "../../../registry/model/name-range.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Actor } from "../../actor.ts";
import type { OciIndexReader } from "../index/oci-index-reader.ts";
import type { InstanceName } from "../settings/instance-config.ts";
import type { OciStore } from "../store/oci-store.ts";
import {
  type RepositorySort,
  repositoriesBy,
  repositoriesIn,
  type SummarizedRepository,
} from "../summaries/summary-pages.ts";
import { checkLimit, type FoundPage, pageOf, positionOf } from "./found-page.ts";
import type { Moment } from "./moment.ts";
import { smallestAfter } from "./past-order.ts";
import { pastRepositories } from "./past-repositories.ts";
import { readableOf, readableRanges, readsAll } from "./readable-repositories.ts";
import { type ContentServices, holdsRole } from "./registry-access.ts";
import { type RegistryState, stateOf, summariesOf } from "./registry-state.ts";

export type { RepositorySort };

export interface SearchServices extends ContentServices {
  readonly users: { readonly directory: UserDirectory };
}

export interface RepositorySearch {
  readonly instance: InstanceName;
  /** A part of the name; empty or `undefined`: all. */
  readonly text?: string | undefined;
  readonly sort: RepositorySort;
  readonly descending: boolean;
  /** From the page before. */
  readonly cursor?: string | undefined;
  readonly limit: number;
  /** As of a moment. */
  readonly at?: Moment | undefined;
}

export interface FoundRepository {
  readonly repository: RepositoryName;
  /** Number of tags. */
  readonly tags: number;
  /** Bytes of its manifests and of the blobs that they name, each once; `undefined` if unknown, as in the past. */
  readonly size: number | undefined;
  /** When something was last added. */
  readonly pushed: Date | undefined;
  /** Who added it. */
  readonly by: string | undefined;
  /** Whether everybody may pull. */
  readonly isPublic: boolean;
}

/** Most repositories that are sorted in memory, for an actor who may not read all. */
const MAX_SORTED = 10_000;
/** Most repositories that are counted. */
const MAX_COUNTED = 20_000;
const NAMES_AT_ONCE = 200;

/** A page of the repositories that the actor may read. */
export async function searchRepositories(
  services: SearchServices,
  actor: Actor,
  search: RepositorySearch,
): Promise<FoundPage<FoundRepository>> {
  checkLimit(search.limit);
  positionOf(search.cursor, search);
  const state = await stateOf(services, search.instance, search.at);
  const { oci, past } = state;
  const page = past
    ? await pastRepositories({ ...state, past }, actor, search)
    : ((await measuredPage(state, actor, search)) ?? (await namedPage(oci, actor, search)));
  const anybody = ({ repository }: { readonly repository: RepositoryName }) =>
    services.users.directory.allows(
      ANONYMOUS,
      `http/oci/${search.instance}/${repository}` as AccessPath,
      "reader",
    );
  return { ...page, entries: page.entries.map((entry) => ({ ...entry, isPublic: anybody(entry) })) };
}

type UnmarkedPage = FoundPage<Omit<FoundRepository, "isPublic">>;

/** `undefined` while the store is measured for the first time. */
async function measuredPage(
  state: RegistryState,
  actor: Actor,
  search: RepositorySearch,
): Promise<UnmarkedPage | undefined> {
  const db = await summariesOf(state);
  if (!db) return undefined;
  try {
    return await sortedPage(db, actor, search);
  } catch (error) {
    if (damageIn(error) === undefined) throw error;
    state.oci.summaries.discard();
    return undefined;
  }
}

async function sortedPage(db: Database, actor: Actor, search: RepositorySearch): Promise<UnmarkedPage> {
  const { instance, sort, limit, cursor, text = "" } = search;
  const position = positionOf(cursor, search);
  const scan = repositoriesBy(db, { ...search, text });
  if (readsAll(actor, instance)) {
    const total = await scan.count(MAX_COUNTED);
    const { rows, next } = await pageOf(scan.after(position), search, limit);
    return { entries: rows.map(described), next, total, isMeasured: true };
  }
  const wanted = text.toLowerCase();
  const list = function* (range: NameRange) {
    for (const row of repositoriesIn(db, sort, range)) if (row.name.includes(wanted)) yield row;
  };
  const readable = await readableOf(actor, instance, list, MAX_SORTED);
  if (readable) {
    const left = await smallestAfter(readable, search, { position, limit: limit + 1 });
    const { rows, next } = await pageOf(eachOf(left), search, limit);
    return { entries: rows.map(described), next, total: readable.length, isMeasured: true };
  }
  const { rows, next } = await pageOf(onlyReadable(scan.after(position), actor, instance), search, limit);
  return { entries: rows.map(described), next, total: undefined, isMeasured: true };
}

async function* onlyReadable<T extends { readonly name: RepositoryName }>(
  rows: AsyncIterable<T>,
  actor: Actor,
  instance: InstanceName,
  matches = (_name: RepositoryName) => true,
): AsyncGenerator<T> {
  const pace = new Pace(0.5);
  for await (const row of rows) {
    await pace.rest();
    if (matches(row.name) && holdsRole(actor, instance, row.name, "reader")) yield row;
  }
}

async function* eachOf<T>(rows: readonly T[]): AsyncGenerator<T> {
  yield* rows;
}

function described({ name, tags, size, pushed, user }: SummarizedRepository) {
  return {
    repository: name,
    tags,
    size,
    pushed: pushed === 0 ? undefined : new Date(pushed * 1000),
    by: user === "" ? undefined : user,
  };
}

/** Names and numbers of tags from the index, in the order of the names; only by name there is another page. */
async function namedPage({ index }: OciStore, actor: Actor, search: RepositorySearch): Promise<UnmarkedPage> {
  const { instance, limit, cursor, sort, descending, text = "" } = search;
  const isInOrder = sort === "name" && !descending;
  const last = isInOrder ? (positionOf(cursor, search)?.name ?? "") : "";
  const wanted = text.toLowerCase();
  const list = namesAfter(index, readableRanges(actor, instance), last);
  const matching = onlyReadable(list, actor, instance, (name) => name.includes(wanted));
  const { rows, next } = await pageOf(matching, search, limit);
  const entries = rows.map(({ name }) => ({
    repository: name,
    tags: index.countTags(name),
    size: undefined,
    pushed: undefined,
    by: undefined,
  }));
  return { entries, next: isInOrder ? next : undefined, total: undefined, isMeasured: false };
}

async function* namesAfter(index: OciIndexReader, ranges: readonly NameRange[], last: string) {
  for (const range of ranges)
    for (const name of index.repositoriesAfter(last, NAMES_AT_ONCE, range)) yield { name, key: name };
}
