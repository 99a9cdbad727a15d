/** Part of a body, in bytes; both ends are inclusive. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/** Ranges that don't overlap, in the order in which the client named them. */
export type ByteRanges = readonly [ByteRange, ...ByteRange[]];

/** More ranges than this are answered with the whole body. containers/storage names up to 1024 in one request. */
const MAX_RANGES = 1024;

/**
 * Parses a Range header for a body of `size` bytes (RFC 9110, section 14.2). The response is the whole body where the
 * RFC allows it: for other units and for too many ranges. As in Go's servers, it is for every range of an empty body too.
 */
export function parseRange(
  header: string | null,
  size: number,
): ByteRanges | "all" | "malformed" | "unsatisfiable" {
  if (header === null || !/^bytes=/i.test(header)) return "all";
  const specs = header
    .slice("bytes=".length)
    .split(",")
    .map((spec) => spec.trim())
    // A recipient ignores empty elements of a list (RFC 9110, section 5.6.1.2).
    .filter((spec) => spec !== "");
  if (specs.length === 0 || !specs.every(isWellFormed)) return "malformed";
  if (size === 0 || specs.length > MAX_RANGES) return "all";
  const [first, ...more] = joinOverlaps(specs.flatMap((spec) => rangeOf(spec, size) ?? []));
  return first ? [first, ...more] : "unsatisfiable";
}

function isWellFormed(spec: string): boolean {
  const [, first, last] = spec.match(/^(\d*)-(\d*)$/) ?? [];
  if (first === undefined || last === undefined) return false;
  return first === "" || last === "" ? first !== last : Number(first) <= Number(last);
}

/** The bytes that a range of the header selects; `undefined` if it selects none. */
function rangeOf(spec: string, size: number): ByteRange | undefined {
  const [from = "", to = ""] = spec.split("-");
  if (from === "") {
    const length = Math.min(Number(to), size);
    return length === 0 ? undefined : { first: size - length, last: size - 1 };
  }
  const first = Number(from);
  return first < size ? { first, last: to === "" ? size - 1 : Math.min(Number(to), size - 1) } : undefined;
}

/**
 * Joins ranges that overlap, at the place of the first of them. Adjoining ranges stay apart: containers/image names them
 * for the files of a layer, and fails if there are fewer parts than it named.
 */
function joinOverlaps(ranges: readonly ByteRange[]): readonly ByteRange[] {
  const ascending = ranges
    .map((range, place) => ({ ...range, place }))
    .sort((a, b) => a.first - b.first || a.place - b.place);
  const joined: typeof ascending = [];
  for (const range of ascending) {
    const before = joined.at(-1);
    if (!before || range.first > before.last) {
      joined.push(range);
      continue;
    }
    before.last = Math.max(before.last, range.last);
    before.place = Math.min(before.place, range.place);
  }
  return joined.sort((a, b) => a.place - b.place).map(({ first, last }) => ({ first, last }));
}

/** Parses a chunk's Content-Range, which the distribution-spec writes without unit and total: `0-1023`. */
export function parseContentRange(header: string): ByteRange | undefined {
  const [, first, last] = header.match(/^(\d{1,15})-(\d{1,15})$/) ?? [];
  if (first === undefined || last === undefined || Number(last) < Number(first)) return undefined;
  return { first: Number(first), last: Number(last) };
}
