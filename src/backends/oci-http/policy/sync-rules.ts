import { formatDuration, parseDuration } from "../../../primitives/text/duration.ts";
import { parseRepositoryName, type RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import { subjectInTag } from "../content/attached-tags.ts";
import { isCovered, parseTagPattern, type TagPattern } from "./immutable-tags.ts";
import { isInRange, parseVersionRange } from "./version-range.ts";

/** What of an upstream repository is copied in the background. */
export interface SyncRule {
  /** As this registry names it. */
  readonly repository: RepositoryName;
  /** Patterns of tags, as for write-once tags. Without patterns and ranges, all tags are meant. */
  readonly patterns: readonly TagPattern[];
  /** Ranges of versions, as they are written. */
  readonly ranges: readonly string[];
  readonly everySeconds: number;
  /** Such as `linux/amd64`; empty: all. */
  readonly platforms: readonly string[];
  /** Whether only images are copied that have a signature. */
  readonly signedOnly: boolean;
  /** How much of what is here one run may delete because upstream has it no more (percent); `undefined`: nothing is deleted. */
  readonly deletesPercent: number | undefined;
}

export const SYNC_RULE_EXAMPLE = "library/alpine,3.*,every=6h";
const DEFAULT_EVERY = "1d";
const MIN_EVERY_SECONDS = 60;
const DEFAULT_PERCENT = 20;
const DELETES = "sync-deletes";
const MAX_WORDS = 50;
const PLATFORM = /^[a-z0-9]{1,20}\/[a-z0-9]{1,20}(\/[a-z0-9]{1,20})?$/;
const RANGE_START = /^[\^~<>=]/;

/** Parses `library/alpine,3.*,!3.1,>=3.18 <4,every=6h,platforms=linux/amd64+linux/arm64,signed-only,sync-deletes=50%`. */
export function parseSyncRule(text: string): SyncRule | undefined {
  const [name = "", ...words] = text.split(",");
  const repository = parseRepositoryName(name);
  if (!repository || words.length > MAX_WORDS) return undefined;
  const rule: { -readonly [K in keyof SyncRule]: SyncRule[K] } = {
    repository,
    patterns: [],
    ranges: [],
    everySeconds: parseDuration(DEFAULT_EVERY) ?? 0,
    platforms: [],
    signedOnly: false,
    deletesPercent: undefined,
  };
  for (const word of words) if (!readWord(word, rule)) return undefined;
  return rule;
}

function readWord(word: string, rule: { -readonly [K in keyof SyncRule]: SyncRule[K] }): boolean {
  const [, key = word, value] = word.match(/^([a-z-]+)=(.*)$/) ?? [];
  const range = RANGE_START.test(word) && parseVersionRange(word) ? [word] : [];
  const seconds = key === "every" ? parseDuration(value ?? "") : undefined;
  const percent = key === DELETES ? parsePercent(value) : undefined;
  const platforms = key === "platforms" ? (value ?? "").split("+") : undefined;
  const pattern = value === undefined && key !== DELETES ? parseTagPattern(word) : undefined;
  if (word === "signed-only") rule.signedOnly = true;
  else if (range.length > 0) rule.ranges = [...rule.ranges, ...range];
  else if (seconds !== undefined && seconds >= MIN_EVERY_SECONDS) rule.everySeconds = seconds;
  else if (percent !== undefined) rule.deletesPercent = percent;
  else if (platforms?.every((platform) => PLATFORM.test(platform))) rule.platforms = platforms;
  else if (pattern) rule.patterns = [...rule.patterns, pattern];
  else return false;
  return true;
}

function parsePercent(text: string | undefined): number | undefined {
  if (text === undefined) return DEFAULT_PERCENT;
  const percent = /^\d{1,3}%$/.test(text) ? Number(text.slice(0, -1)) : 0;
  return percent >= 1 && percent <= 100 ? percent : undefined;
}

export function formatSyncRule(rule: SyncRule): string {
  const { repository, patterns, ranges, everySeconds, platforms, signedOnly, deletesPercent } = rule;
  const percent = deletesPercent === DEFAULT_PERCENT ? "" : `=${deletesPercent}%`;
  return [
    repository,
    ...patterns,
    ...ranges,
    `every=${formatDuration(everySeconds)}`,
    ...(platforms.length > 0 ? [`platforms=${platforms.join("+")}`] : []),
    ...(signedOnly ? ["signed-only"] : []),
    ...(deletesPercent === undefined ? [] : [`${DELETES}${percent}`]),
  ].join(",");
}

/**
 * Whether a rule means a tag. Patterns and ranges add up; a pattern with `!` excepts tags of all of them. Tags of signatures and
 * other attachments come along with their image, and are no images.
 */
export function selectsTag({ patterns, ranges }: SyncRule, tag: Tag): boolean {
  if (subjectInTag(tag)) return false;
  const isException = (pattern: TagPattern) => pattern.startsWith("!");
  if (patterns.some((pattern) => isException(pattern) && isCovered(tag, [pattern.slice(1) as TagPattern])))
    return false;
  const wanted = patterns.filter((pattern) => !isException(pattern));
  if (wanted.length === 0 && ranges.length === 0) return true;
  return (
    isCovered(tag, wanted) ||
    ranges.some((range) => {
      const parsed = parseVersionRange(range);
      return parsed !== undefined && isInRange(tag, parsed);
    })
  );
}
