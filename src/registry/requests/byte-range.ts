/** Part of a body; both ends are included. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/**
 * What a Range header asks of `size` bytes (RFC 9110, section 14). Units and lists that we do not serve are ignored, as
 * the RFC allows: the whole is sent.
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

/** A chunk's Content-Range as this protocol writes it: `0-1023`, without unit or total. */
export function parseContentRange(header: string): ByteRange | undefined {
  const [, first, last] = header.match(/^(\d{1,15})-(\d{1,15})$/) ?? [];
  if (first === undefined || last === undefined || Number(last) < Number(first)) return undefined;
  return { first: Number(first), last: Number(last) };
}
