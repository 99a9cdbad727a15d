import { formatDuration, parseDuration } from "../../../primitives/text/duration.ts";
import {
  type AccessPath,
  type AccessPattern,
  covers,
  parseAccessPattern,
} from "../../../primitives/users/access-path.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import { isCovered, parseTagPattern, type TagPattern } from "./immutable-tags.ts";

/** What is cleaned up in the matching repositories; the first rule that matches a repository applies. */
export interface CleanupRule {
  /** A pattern such as `team/**`: `*` is one component of the name, `**` any number. */
  readonly repositories: string;
  /** How many of the most recently set tags (besides those of `keep`) are kept; `undefined`: no tag is deleted. */
  readonly newest: number | undefined;
  /** Tags that are always kept. */
  readonly keep: readonly TagPattern[];
  /** Untagged manifests are deleted after this time (seconds); `undefined`: never. */
  readonly untaggedSeconds: number | undefined;
}

const PREFIX = "http/oci/registry/";

export const CLEANUP_RULE_EXAMPLE = "team/**,newest=10,keep=v*,untagged=7d";

/** Parses `team/**,newest=10,keep=v*,keep=latest,untagged=7d`; `undefined` if invalid. */
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
 * Returns the tags that a rule deletes, oldest first. `sets` has the sequence numbers of the commits that set each tag,
 * newest first. Tags that a pattern keeps do not count.
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

/** Compares the last commits; if one commit (a restore) set both tags, the ones before. A tag without a commit is new. */
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

/** Created on first use, as it needs memory. */
let withNumbers: Intl.Collator | undefined;

/** Compares tags set by the same commit (an import) by the numbers in them: `v1.10` is newer than `v1.9`. */
function byNumbers(a: string, b: string): number {
  withNumbers ??= new Intl.Collator("en", { numeric: true });
  return withNumbers.compare(a, b) || (a < b ? -1 : 1);
}
