import type { AccessPattern } from "../../../primitives/users/access-path.ts";
import type { NameRange } from "../../../registry/model/name-range.ts";

/** Segments of a pattern that stand before the repository's name. */
const FIXED_SEGMENTS = 3;
/** What follows a whole name, and what follows all names below it, in lexical order. */
const [AFTER_NAME, AFTER_BELOW] = ["\0", "0"];

/**
 * Where the repositories lie that a pattern may cover: what stands before its first wildcard tells. Whether it covers one
 * there is still to be asked.
 */
export function namesUnder(pattern: AccessPattern): NameRange {
  const segments = pattern.split("/").slice(FIXED_SEGMENTS);
  const wildcard = segments.findIndex((segment) => segment.includes("*"));
  const fixed = segments.slice(0, wildcard < 0 ? undefined : wildcard).join("/");
  if (fixed === "") return { from: "", before: undefined };
  if (wildcard < 0) return { from: fixed, before: fixed + AFTER_NAME };
  // `**` stands for no component as well, and then the name ends here; names such as `team-b` lie between the two.
  return segments[wildcard] === "**"
    ? { from: fixed, before: fixed + AFTER_BELOW }
    : { from: `${fixed}/`, before: fixed + AFTER_BELOW };
}
