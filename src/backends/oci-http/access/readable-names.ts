import type { AccessPattern } from "../../../primitives/users/access-path.ts";
import type { NameRange } from "../../../registry/model/name-range.ts";

/** Segments of a pattern before the repository's name. */
const FIXED_SEGMENTS = 3;
/** Suffixes that sort directly after a name, and directly after all names below it. */
const [AFTER_NAME, AFTER_BELOW] = ["\0", "0"];

/**
 * The range of names that a pattern may cover, from its text before the first wildcard. The caller must still match each
 * name in the range.
 */
export function namesUnder(pattern: AccessPattern): NameRange {
  const segments = pattern.split("/").slice(FIXED_SEGMENTS);
  const wildcard = segments.findIndex((segment) => segment.includes("*"));
  const fixed = segments.slice(0, wildcard < 0 ? undefined : wildcard).join("/");
  if (fixed === "") return { from: "", before: undefined };
  if (wildcard < 0) return { from: fixed, before: fixed + AFTER_NAME };
  // `**` matches zero components too, so the range starts at the name itself; it then also has names such as `team-b`.
  return segments[wildcard] === "**"
    ? { from: fixed, before: fixed + AFTER_BELOW }
    : { from: `${fixed}/`, before: fixed + AFTER_BELOW };
}
