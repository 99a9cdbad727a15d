import { Pace } from "../../../primitives/jobs/pace.ts";
import type { NameRange } from "../../../registry/model/name-range.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Actor } from "../../actor.ts";
import { InvalidArgumentError } from "../../refusals.ts";
import { countPastTags, formerNames } from "../history/past-tags.ts";
import { lastPush } from "../history/tag-sets.ts";
import type { InstanceName } from "../settings/instance-config.ts";
import type { Position } from "../summaries/keyset-scan.ts";
import type { RepositorySort } from "../summaries/summary-pages.ts";
import { checkLimit, cursorAfter, type FoundPage, positionOf } from "./found-page.ts";
import { smallestAfter } from "./past-order.ts";
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

/** The repositories that the actor may read, as of a commit; sizes are not known of the past. */
export async function pastRepositories(
  { past, isKnown }: RegistryState & { readonly past: PastState },
  actor: Actor,
  search: PastSearch,
): Promise<FoundPage<PastRepository>> {
  const { sort, descending, cursor } = search;
  const limit = checkLimit(search.limit);
  if (sort === "size")
    throw new InvalidArgumentError(
      "repositories of the past are sorted by name, last push or number of tags, not by size",
    );
  const position = positionOf(cursor, search);
  const isByName = sort === "name";
  const found: Candidate[] = [];
  const pace = new Pace(0.5);
  for (const name of names(past, actor, search, isByName ? position?.name : undefined)) {
    await pace.rest();
    const tags = name === undefined ? 0 : await countPastTags(past, name);
    if (name === undefined || (tags === 0 && !(await isKnown(name)))) continue;
    found.push({ name, tags, key: keyOf(past, sort, name, tags) });
    if (isByName && found.length > limit) break;
  }
  const rows = isByName ? found : await smallestAfter(found, { descending }, { position, limit: limit + 1 });
  const shown = rows.slice(0, limit);
  const last = rows.length > limit ? shown.at(-1) : undefined;
  return {
    entries: shown.map((candidate) => described(past, candidate)),
    next: last && cursorAfter(search, last),
    total: isByName ? undefined : found.length,
    isMeasured: true,
  };
}

interface Candidate extends Position {
  readonly name: RepositoryName;
  readonly tags: number;
}

function keyOf({ history, seq }: PastState, sort: RepositorySort, name: RepositoryName, tags: number) {
  if (sort === "tags") return tags;
  return sort === "pushed" ? (lastPush(history, name, seq)?.seconds ?? 0) : name;
}

function described({ history, seq }: PastState, { name, tags }: Candidate): PastRepository {
  const last = lastPush(history, name, seq);
  const pushed = last && new Date(last.seconds * 1000);
  return { repository: name, tags, size: undefined, pushed, by: last?.user };
}

/** The readable names that match, in the order of the names; `undefined` where the caller may rest. */
function* names(
  { history }: PastState,
  actor: Actor,
  { instance, descending, text = "" }: PastSearch,
  last: string | undefined,
): Generator<RepositoryName | undefined> {
  const wanted = text.toLowerCase();
  const ranges: readonly NameRange[] = readableRanges(actor, instance);
  for (const range of descending ? ranges.toReversed() : ranges) {
    for (const name of formerNames(history, range, { last, descending })) {
      const isFound = name.includes(wanted) && holdsRole(actor, instance, name, "reader");
      yield isFound ? name : undefined;
    }
  }
}
