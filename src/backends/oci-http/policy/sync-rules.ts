import { formatDuration, parseDuration } from "../../../primitives/text/duration.ts";
import { parseRepositoryName, type RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import { subjectInTag } from "../content/attached-tags.ts";
import { isCovered, parseTagPattern, type TagPattern } from "./immutable-tags.ts";
import { isEmptyRange, isInRange, parseVersionRange } from "./version-range.ts";

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
const SIGNED_ONLY = "signed-only";
const MAX_WORDS = 50;
const PLATFORM = /^[a-z0-9]{1,20}\/[a-z0-9]{1,20}(\/[a-z0-9]{1,20})?$/;
const RANGE_START = /^[\^~<>=]/;

type Draft = { -readonly [K in keyof SyncRule]: SyncRule[K] };

/** Parses `library/alpine,3.*,!3.1,>=3.18 <4,every=6h,platforms=linux/amd64+linux/arm64,signed-only,sync-deletes=50%`. */
export function parseSyncRule(text: string): SyncRule | undefined {
  const rule = read(text);
  return typeof rule === "string" ? undefined : rule;
}

/** What is wrong with a text that is no rule. */
export function syncRuleAdvice(text: string): string | undefined {
  const rule = read(text);
  return typeof rule === "string" ? rule : undefined;
}

/** The rule, or what is wrong with it. */
function read(text: string): SyncRule | string {
  const [name = "", ...words] = text.split(",");
  const repository = parseRepositoryName(name);
  if (!repository)
    return `'${name}' is no name of a repository; a rule begins with one, such as ${SYNC_RULE_EXAMPLE}`;
  if (words.length > MAX_WORDS) return `a rule has at most ${MAX_WORDS} words after the repository`;
  const rule: Draft = {
    repository,
    patterns: [],
    ranges: [],
    everySeconds: parseDuration(DEFAULT_EVERY) ?? 0,
    platforms: [],
    signedOnly: false,
    deletesPercent: undefined,
  };
  const seen = new Set<string>();
  for (const word of words) {
    const [key = word] = RANGE_START.test(word) ? [] : word.split("=");
    if (seen.has(key)) return `'${key}' is there twice`;
    seen.add(key);
    const fault = readWord(word, rule);
    if (fault !== undefined) return fault;
  }
  return rule;
}

function readWord(word: string, rule: Draft): string | undefined {
  if (RANGE_START.test(word)) return readRange(word, rule);
  const [key = word, value] = word.match(/^([^=]*)=(.*)$/)?.slice(1) ?? [];
  switch (key) {
    case "every": {
      const seconds = parseDuration(value ?? "");
      if (seconds === undefined || seconds < MIN_EVERY_SECONDS)
        return "every= must be a duration of at least 1m, such as 6h";
      rule.everySeconds = seconds;
      return undefined;
    }
    case "platforms": {
      const platforms = (value ?? "").split("+");
      if (!platforms.every((platform) => PLATFORM.test(platform)))
        return "platforms= must be platforms such as linux/amd64+linux/arm64";
      rule.platforms = platforms;
      return undefined;
    }
    case DELETES: {
      const percent = parsePercent(value);
      if (percent === undefined) return `${DELETES}= must be from 1% to 100%`;
      rule.deletesPercent = percent;
      return undefined;
    }
    default:
      return readPattern(word, rule);
  }
}

function readRange(word: string, rule: Draft): string | undefined {
  const range = parseVersionRange(word);
  if (!range) return `'${word}' is no range of versions, such as ^1.2 or '>=1.2 <2'`;
  if (isEmptyRange(range)) return `no version is in the range '${word}'`;
  rule.ranges = [...rule.ranges, word];
  return undefined;
}

function readPattern(word: string, rule: Draft): string | undefined {
  if (word === SIGNED_ONLY) {
    rule.signedOnly = true;
    return undefined;
  }
  // As a pattern of tags, it would silently change what is copied.
  const meant = [SIGNED_ONLY, DELETES].find((option) => plain(option) === plain(word));
  if (meant !== undefined) return `'${word}' is written ${meant}`;
  const pattern = parseTagPattern(word);
  if (!pattern)
    return `'${word}' is no pattern of tags, such as 3.*, nor every=, platforms=, ${SIGNED_ONLY} or ${DELETES}`;
  rule.patterns = [...rule.patterns, pattern];
  return undefined;
}

function plain(word: string): string {
  return word.toLowerCase().replace(/[-_]/g, "");
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
    ...(signedOnly ? [SIGNED_ONLY] : []),
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
