import type { Tag } from "../../../registry/model/tag.ts";

type Version = readonly [major: number, minor: number, patch: number];

interface Comparator {
  readonly operator: ">=" | ">" | "<=" | "<";
  readonly version: Version;
}

/** Versions that fulfil all comparators. */
export interface VersionRange {
  readonly comparators: readonly Comparator[];
}

const VERSION = /^v?(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?$/;
const TERM = /^(\^|~|>=|<=|>|<|=)(.+)$/;
const MAX_TERMS = 10;

/** Parses `^1.2`, `~1.2.3`, `>=1.2 <2` or `=1.2`, where missing numbers are 0; `undefined` if invalid. */
export function parseVersionRange(text: string): VersionRange | undefined {
  const terms = text.split(" ").filter((term) => term !== "");
  if (terms.length === 0 || terms.length > MAX_TERMS) return undefined;
  const comparators: Comparator[] = [];
  for (const term of terms) {
    const [, operator = "", written = ""] = term.match(TERM) ?? [];
    const numbers = numbersIn(written);
    if (!numbers) return undefined;
    comparators.push(...comparatorsOf(operator, numbers));
  }
  return { comparators };
}

/** Whether a tag is a version such as `1.2`, `v1.2.3` within the range. Tags with a suffix (`1.2-alpine`, `1.2.0-rc.1`) are none. */
export function isInRange(tag: Tag | string, { comparators }: VersionRange): boolean {
  const numbers = numbersIn(tag);
  if (!numbers) return false;
  const version = filled(numbers);
  return comparators.every(({ operator, version: bound }) => {
    const order = compare(version, bound);
    if (operator === ">=") return order >= 0;
    if (operator === ">") return order > 0;
    return operator === "<=" ? order <= 0 : order < 0;
  });
}

/** Whether no version at all is within the range, such as `>2 <1`. */
export function isEmptyRange({ comparators }: VersionRange): boolean {
  let from: Version = [0, 0, 0];
  let end: Version = [Number.POSITIVE_INFINITY, 0, 0];
  for (const { operator, version } of comparators) {
    const [major, minor, patch] = version;
    const next: Version = [major, minor, patch + 1];
    const bound = operator === ">" || operator === "<=" ? next : version;
    if (operator === ">=" || operator === ">") from = compare(bound, from) > 0 ? bound : from;
    else end = compare(bound, end) < 0 ? bound : end;
  }
  return compare(from, end) >= 0;
}

function comparatorsOf(operator: string, numbers: readonly number[]): Comparator[] {
  const version = filled(numbers);
  if (operator === ">=" || operator === ">" || operator === "<=" || operator === "<")
    return [{ operator, version }];
  const from: Comparator = { operator: ">=", version };
  if (operator === "=") return [from, { operator: "<=", version }];
  return [from, { operator: "<", version: operator === "^" ? caretEnd(numbers) : tildeEnd(numbers) }];
}

/** As in npm: no change of the leftmost number that is not 0. */
function caretEnd(numbers: readonly number[]): Version {
  const [major, minor, patch] = filled(numbers);
  if (major > 0 || numbers.length === 1) return [major + 1, 0, 0];
  if (minor > 0 || numbers.length === 2) return [0, minor + 1, 0];
  return [0, 0, patch + 1];
}

function tildeEnd(numbers: readonly number[]): Version {
  const [major, minor] = filled(numbers);
  return numbers.length === 1 ? [major + 1, 0, 0] : [major, minor + 1, 0];
}

/** The numbers that are written. */
function numbersIn(text: string): number[] | undefined {
  const match = text.match(VERSION);
  if (!match) return undefined;
  const [, ...written] = match;
  return written.flatMap((number) => (number === undefined ? [] : [Number(number)]));
}

function filled([major = 0, minor = 0, patch = 0]: readonly number[]): Version {
  return [major, minor, patch];
}

function compare(a: Version, b: Version): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}
