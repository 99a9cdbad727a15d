import { formatDuration, parseDuration } from "../../../primitives/text/duration.ts";
import {
  type AccessPath,
  type AccessPattern,
  covers,
  parseAccessPattern,
} from "../../../primitives/users/access-path.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import { isCovered, parseTagPattern, type TagPattern } from "./immutable-tags.ts";

/** What is cleaned up in the repositories that match; of several rules the first that matches counts. */
export interface CleanupRule {
  /** Such as `team/**`: `*` is one component of the name, `**` any number. */
  readonly repositories: string;
  /** Of the tags that `keep` does not name, so many that were set last are kept; with `undefined` no tag goes. */
  readonly newest: number | undefined;
  /** Tags that are kept besides. */
  readonly keep: readonly TagPattern[];
  /** Manifests without a tag go after so many seconds; with `undefined` they stay. */
  readonly untaggedSeconds: number | undefined;
}

const PREFIX = "http/oci/registry/";

export const CLEANUP_RULE_EXAMPLE = "team/**,newest=10,keep=v*,untagged=7d";

/** Reads `team/**,newest=10,keep=v*,keep=latest,untagged=7d`; `undefined` if it is not that. */
export function parseCleanupRule(text: string): CleanupRule | undefined {
  const [written = "", ...words] = text.split(",");
  const repositories = parseAccessPattern(PREFIX + written)?.slice(PREFIX.length);
  if (repositories === undefined) return undefined;
  const rule: { -readonly [K in keyof CleanupRule]: CleanupRule[K] } = {
    repositories,
    newest: undefined,
    keep: [],
    untaggedSeconds: undefined,
  };
  for (const word of words) {
    const [, key, value = ""] = word.match(/^([a-z]+)=(.+)$/) ?? [];
    const pattern = key === "keep" ? parseTagPattern(value) : undefined;
    const seconds = key === "untagged" ? parseDuration(value) : undefined;
    if (key === "newest" && /^\d{1,6}$/.test(value)) rule.newest = Number(value);
    else if (pattern) rule.keep = [...rule.keep, pattern];
    else if (seconds !== undefined) rule.untaggedSeconds = seconds;
    else return undefined;
  }
  return rule.newest === undefined && rule.untaggedSeconds === undefined ? undefined : rule;
}

export function formatCleanupRule({ repositories, newest, keep, untaggedSeconds }: CleanupRule): string {
  return [
    repositories,
    ...(newest === undefined ? [] : [`newest=${newest}`]),
    ...keep.map((pattern) => `keep=${pattern}`),
    ...(untaggedSeconds === undefined ? [] : [`untagged=${formatDuration(untaggedSeconds)}`]),
  ].join(",");
}

export function ruleFor(
  rules: readonly CleanupRule[],
  repository: RepositoryName,
  onStep?: () => void,
): CleanupRule | undefined {
  return rules.find(({ repositories }) =>
    covers((PREFIX + repositories) as AccessPattern, (PREFIX + repository) as AccessPath, onStep),
  );
}

/**
 * The tags that a rule lets go, the oldest first. `sets` has the commits that set each tag, the newest first, as places in
 * the order of all; tags that a pattern keeps are not counted.
 */
export function expiredTags<T extends string>(
  { newest, keep }: CleanupRule,
  tags: readonly T[],
  sets: ReadonlyMap<string, readonly number[]>,
): T[] {
  if (newest === undefined) return [];
  return tags
    .filter((tag) => !isCovered(tag, keep))
    .sort((a, b) => bySets(sets.get(b), sets.get(a)) || byNumbers(b, a))
    .slice(newest)
    .reverse();
}

/** By their last commits; where one commit set both, as a restore does, by those before. A tag without any came just now. */
function bySets(
  a: readonly number[] = [Number.MAX_SAFE_INTEGER],
  b: readonly number[] = [Number.MAX_SAFE_INTEGER],
): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Made at first use, as it costs memory. */
let withNumbers: Intl.Collator | undefined;

/** What came in one commit, as an import does, is as new as its number is high: `v1.10` after `v1.9`. */
function byNumbers(a: string, b: string): number {
  withNumbers ??= new Intl.Collator("en", { numeric: true });
  return withNumbers.compare(a, b) || (a < b ? -1 : 1);
}
