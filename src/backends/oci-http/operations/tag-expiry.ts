import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import { subjectInTag } from "../content/attached-tags.ts";
import type { LastSet } from "../history/tag-sets.ts";
import { formatCleanupRule, ruleFor } from "../policy/cleanup-rules.ts";
import { isCovered } from "../policy/immutable-tags.ts";
import type { InstanceConfig } from "../settings/instance-config.ts";
import { tagsBy } from "../summaries/summary-pages.ts";
import { type RegistryState, summariesOf } from "./registry-state.ts";

/** The cleanup rule that deletes a tag in its next run. */
export interface TagExpiry {
  readonly rule: string;
}

/** Most tags that a rule may keep so that its effect is shown. */
const MAX_NEWEST = 2000;

/**
 * Tells which tags of a repository the cleanup rule deletes next: those that were set before the `newest` ones. Tags that were
 * set in the same second as the last one that is kept, and signatures, are not told.
 */
export async function nextCleanup(
  state: RegistryState,
  { cleanup }: Pick<InstanceConfig, "cleanup">,
  repository: RepositoryName,
): Promise<(tag: Tag, last: LastSet | undefined) => TagExpiry | undefined> {
  const rule = ruleFor(cleanup, repository);
  const { newest, keep = [] } = rule ?? {};
  if (!rule || newest === undefined || newest > MAX_NEWEST) return () => undefined;
  const counts = (tag: Tag) => !isCovered(tag, keep) && !subjectInTag(tag);
  const oldestKept = await keptSince(state, repository, newest, counts);
  if (oldestKept === undefined) return () => undefined;
  const expiry = { rule: formatCleanupRule(rule) };
  return (tag, last) => (last && last.seconds < oldestKept && counts(tag) ? expiry : undefined);
}

/** When the last of the newest tags was set; `undefined` if there are no more than these. */
async function keptSince(
  state: RegistryState,
  repository: RepositoryName,
  newest: number,
  counts: (tag: Tag) => boolean,
): Promise<number | undefined> {
  const db = await summariesOf(state);
  const known = db && tagsBy(db, repository, { sort: "pushed", descending: true, text: "" });
  if (!known) return undefined;
  if (newest === 0) return Number.POSITIVE_INFINITY;
  let kept = 0;
  for await (const { name, key } of known.scan.after(undefined))
    if (counts(name) && ++kept === newest) return Number(key);
  return undefined;
}
