/** Part of a body, in bytes; both ends are inclusive. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/**
 * Parses a Range header for a body of `size` bytes (RFC 9110, section 14). Other units and lists of ranges are ignored,
 * as the RFC allows: the response is the whole body.
 */
export function parseRange(
  header: string | null,
  size: number,
): ByteRange | "all" | "malformed" | "unsatisfiable" {
  if (header === null) return "all";
  if (!/^bytes=/i.test(header)) return "all";
  const specs = header
    .slice("bytes=".length)
    .split(",")
    .map((spec) => spec.trim());
  if (specs.some((spec) => !/^(\d+-\d*|-\d+)$/.test(spec))) return "malformed";
  const [from = "", to = ""] = (specs.length === 1 ? specs[0] : undefined)?.split("-") ?? [];
  if (specs.length > 1) return "all";
  if (from === "") {
    const length = Math.min(Number(to), size);
    return length === 0 ? "unsatisfiable" : { first: size - length, last: size - 1 };
  }
  const first = Number(from);
  if (to !== "" && Number(to) < first) return "malformed";
  if (first >= size) return "unsatisfiable";
  return { first, last: to === "" ? size - 1 : Math.min(Number(to), size - 1) };
}

/** Parses a chunk's Content-Range, which the distribution-spec writes without unit and total: `0-1023`. */
export function parseContentRange(header: string): ByteRange | undefined {
  const [, first, last] = header.match(/^(\d{1,15})-(\d{1,15})$/) ?? [];
  if (first === undefined || last === undefined || Number(last) < Number(first)) return undefined;
  return { first: Number(first), last: Number(last) };
}
