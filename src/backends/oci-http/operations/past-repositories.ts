import { Pace } from "../../../primitives/jobs/pace.ts";
import type { NameRange } from "../../../registry/model/name-range.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Actor } from "../../actor.ts";
import { InvalidArgumentError } from "../../refusals.ts";
import {
  formerNames,
  hasUnnamedCommits,
  haveTags,
  lastChanges,
  lastPushes,
  NAMES_AT_ONCE,
  tagCounts,
} from "../history/past-names.ts";
import { countPastTags } from "../history/past-tag-search.ts";
import { lastPush } from "../history/tag-sets.ts";
import type { InstanceName } from "../settings/instance-config.ts";
import type { Position } from "../summaries/keyset-scan.ts";
import type { RepositorySort } from "../summaries/summary-pages.ts";
import { checkLimit, comparePositions, cursorAfter, type FoundPage, positionOf } from "./found-page.ts";
import { readableRanges } from "./readable-repositories.ts";
import { holdsRole } from "./registry-access.ts";
import type { PastState, RegistryState } from "./registry-state.ts";

export interface PastSearch {
  readonly instance: InstanceName;
  readonly text?: string | undefined;
  readonly sort: RepositorySort;
  readonly descending: boolean;
  readonly cursor?: string | undefined;
  readonly limit: number;
}

export interface PastRepository {
  readonly repository: RepositoryName;
  readonly tags: number;
  readonly size: undefined;
  readonly pushed: Date | undefined;
  readonly by: string | undefined;
}

type State = Pick<RegistryState, "isKnown"> & { readonly past: PastState };

/** The repositories that the actor may read, as of a commit; sizes are not known of the past. */
export async function pastRepositories(
  state: State,
  actor: Actor,
  search: PastSearch,
): Promise<FoundPage<PastRepository>> {
  const limit = checkLimit(search.limit);
  if (search.sort === "size")
    throw new InvalidArgumentError(
      "repositories of the past are sorted by name, last push or number of tags, not by size",
    );
  const { past } = state;
  const position = await placeOf(past, search);
  const found: Candidate[] = [];
  for await (const candidates of inOrder(past, actor, search, position)) {
    found.push(...(await existingOf(state, candidates)));
    if (found.length > limit) break;
  }
  const shown = found.slice(0, limit);
  const last = found.length > limit ? shown.at(-1) : undefined;
  const entries: PastRepository[] = [];
  for (const { name, key } of shown)
    entries.push(await described(past, name, search.sort === "tags" ? Number(key) : undefined));
  // A cursor tells no numbers of commits, which count those of other repositories.
  const key = search.sort === "pushed" ? "" : last?.key;
  return {
    entries,
    next: last && cursorAfter(search, { name: last.name, key: key ?? "" }),
    total: undefined,
    isMeasured: true,
  };
}

interface Candidate extends Position {
  readonly name: RepositoryName;
}

/** The last repository of the page before. */
async function placeOf(past: PastState, search: PastSearch): Promise<Position | undefined> {
  const position = positionOf(search.cursor, search);
  if (!position || search.sort !== "pushed") return position;
  const [key = 0] = lastPushes(past, [position.name as RepositoryName]);
  return { name: position.name, key };
}

/** The readable repositories that match, in the order that is asked for, after a position; some may not have existed then. */
async function* inOrder(
  past: PastState,
  actor: Actor,
  search: PastSearch,
  position: Position | undefined,
): AsyncGenerator<readonly Candidate[]> {
  const { sort, descending } = search;
  const pace = new Pace(0.3);
  const sign = descending ? -1 : 1;
  const compare = (a: Position, b: Position) => sign * comparePositions(a, b);
  const isAfter = (candidate: Candidate) => position === undefined || compare(candidate, position) > 0;
  const all: Candidate[] = [];
  for (const names of namesOf(past, actor, search, sort === "name" ? position?.name : undefined)) {
    await pace.rest();
    const changed = changedOf(past, names);
    if (sort === "name") yield changed.map(({ name }) => ({ name, key: name }));
    else if (sort === "pushed") all.push(...(descending ? changed : byPush(past, changed)));
    else all.push(...(await byTags(past, changed)));
  }
  if (sort !== "pushed" || !descending) return yield* inParts(all.filter(isAfter).sort(compare));
  for await (const part of newestPushes(past, all.sort(compare))) yield part.filter(isAfter);
}

/**
 * Sorts by the place of the last push what is sorted by that of the last commit. No repository was pushed to after its last
 * commit, so that only the first ones are looked up.
 */
async function* newestPushes(
  past: PastState,
  changed: readonly Candidate[],
): AsyncGenerator<readonly Candidate[]> {
  const pace = new Pace(0.3);
  let ready: Candidate[] = [];
  for (let i = 0; i < changed.length; i += NAMES_AT_ONCE) {
    ready.push(...byPush(past, changed.slice(i, i + NAMES_AT_ONCE)));
    ready.sort((a, b) => comparePositions(b, a));
    const next = changed[i + NAMES_AT_ONCE];
    const isSettled = ({ key }: Candidate) => next === undefined || key > next.key;
    yield* inParts(ready.filter(isSettled));
    ready = ready.filter((candidate) => !isSettled(candidate));
    await pace.rest();
  }
}

function* inParts<T>(list: readonly T[]): Generator<readonly T[]> {
  for (let i = 0; i < list.length; i += NAMES_AT_ONCE) yield list.slice(i, i + NAMES_AT_ONCE);
}

/** The repositories that a commit may have changed until then, by the place of the last one. */
function changedOf(past: PastState, names: readonly RepositoryName[]): Candidate[] {
  const isFilledUnnamed = hasUnnamedCommits(past);
  const changes = lastChanges(past, names);
  const candidates = names.map((name, i) => ({ name, key: changes[i] ?? 0 }));
  return candidates.filter(({ key }) => isFilledUnnamed || key > 0);
}

function byPush(past: PastState, candidates: readonly Candidate[]): Candidate[] {
  const names = candidates.map(({ name }) => name);
  const keys = lastPushes(past, names);
  return names.map((name, i) => ({ name, key: keys[i] ?? 0 }));
}

async function byTags(past: PastState, candidates: readonly Candidate[]): Promise<Candidate[]> {
  const names = candidates.map(({ name }) => name);
  const counts = tagCounts(past, names);
  const counted: Candidate[] = [];
  for (const [i, name] of names.entries())
    counted.push({ name, key: counts[i] ?? (await countPastTags(past, name)) });
  return counted;
}

/** Those that held tags or manifests. */
async function existingOf(
  { past, isKnown }: State,
  candidates: readonly Candidate[],
): Promise<readonly Candidate[]> {
  const pace = new Pace(0.3);
  const tagged = haveTags(
    past,
    candidates.map(({ name }) => name),
  );
  const found: Candidate[] = [];
  for (const [i, candidate] of candidates.entries()) {
    if (tagged[i] || (await isKnown(candidate.name))) found.push(candidate);
    await pace.rest();
  }
  return found;
}

async function described(
  past: PastState,
  name: RepositoryName,
  counted: number | undefined,
): Promise<PastRepository> {
  const last = lastPush(past.history, name, past.seq);
  const tags = counted ?? (await countPastTags(past, name));
  const pushed = last && new Date(last.seconds * 1000);
  return { repository: name, tags, size: undefined, pushed, by: last?.user };
}

/** The readable names that match, in the order of the names. */
function* namesOf(
  { history }: PastState,
  actor: Actor,
  { instance, sort, descending: isReversed, text = "" }: PastSearch,
  last: string | undefined,
): Generator<readonly RepositoryName[]> {
  const wanted = text.toLowerCase();
  const descending = sort === "name" && isReversed;
  const ranges: readonly NameRange[] = readableRanges(actor, instance);
  let [names, read]: [RepositoryName[], number] = [[], 0];
  for (const range of descending ? ranges.toReversed() : ranges) {
    for (const name of formerNames(history, range, { last, descending })) {
      if (name.includes(wanted) && holdsRole(actor, instance, name, "reader")) names.push(name);
      if (++read % NAMES_AT_ONCE !== 0) continue;
      yield names;
      names = [];
    }
  }
  yield names;
}
