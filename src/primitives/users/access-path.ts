/** One resource: `http/oci/default`, or a repository in it, `http/oci/default/team/app`. No wildcards. */
export type AccessPath = string & { readonly __brand: "AccessPath" };

/** What a grant covers: an access path whose segments may be `*` and, below the third, `**`. */
export type AccessPattern = string & { readonly __brand: "AccessPattern" };

/** Segments that every path has: frontend, backend, namespace. */
const FIXED_SEGMENTS = 3;
const SEGMENT = /^[a-z0-9]+([._-]+[a-z0-9]+)*$/;
const MAX_LENGTH = 512;

/** Everything there is; whoever owns it is a system administrator. */
export const EVERYTHING = "*/*/*" as AccessPattern;

export function parseAccessPath(text: string): AccessPath | undefined {
  const segments = text.split("/");
  const valid = segments.length >= FIXED_SEGMENTS && segments.every((segment) => SEGMENT.test(segment));
  return valid && text.length <= MAX_LENGTH ? (text as AccessPath) : undefined;
}

export function parseAccessPattern(text: string): AccessPattern | undefined {
  const segments = text.split("/");
  const valid =
    segments.length >= FIXED_SEGMENTS &&
    segments.every(
      (segment, i) => segment === "*" || (segment === "**" && i >= FIXED_SEGMENTS) || SEGMENT.test(segment),
    );
  return valid && text.length <= MAX_LENGTH ? (text as AccessPattern) : undefined;
}

/**
 * A pattern of three segments covers all that lies below it. A longer one narrows that to repositories: `*` is one
 * component of the name, `**` any number of them.
 */
export function covers(pattern: AccessPattern, path: AccessPath): boolean {
  const wanted = pattern.split("/");
  const actual = path.split("/");
  const below = wanted.length === FIXED_SEGMENTS ? [...wanted, "**"] : wanted;
  return matches(below, actual);
}

/** Whether a pattern covers anything at or below an instance's path, be it a single repository. */
export function reaches(pattern: AccessPattern, instance: AccessPath): boolean {
  return covers(pattern.split("/").slice(0, FIXED_SEGMENTS).join("/") as AccessPattern, instance);
}

function matches(pattern: readonly string[], path: readonly string[]): boolean {
  const [segment, ...rest] = pattern;
  if (segment === undefined) return path.length === 0;
  if (segment === "**")
    return Array.from({ length: path.length + 1 }, (_, i) => path.slice(i)).some((tail) =>
      matches(rest, tail),
    );
  const [first, ...tail] = path;
  return first !== undefined && (segment === "*" || segment === first) && matches(rest, tail);
}

/** The segment that a user of the same name owns without a grant. */
export function namespaceOf(path: AccessPath): string {
  return path.split("/")[FIXED_SEGMENTS - 1] ?? "";
}
