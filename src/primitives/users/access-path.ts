import { matchesGlob } from "../text/glob.ts";

/** One resource: `http/oci/default`, or a repository in it, `http/oci/default/team/app`. No wildcards. */
export type AccessPath = string & { readonly __brand: "AccessPath" };

/** What a grant covers: an access path whose segments may be `*` and, below the third, `**`. */
export type AccessPattern = string & { readonly __brand: "AccessPattern" };

/** Segments that every path has: frontend, backend, namespace. */
const FIXED_SEGMENTS = 3;
const SEGMENT = /^[a-z0-9]+([._-]+[a-z0-9]+)*$/;
const MAX_LENGTH = 512;
const ANY = "**";
const WILDCARDS = { any: ANY, one: "*" };

/** Everything there is; whoever owns it is a system administrator. */
export const EVERYTHING = "*/*/*" as AccessPattern;

export function parseAccessPath(text: string): AccessPath | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const segments = text.split("/");
  const valid = segments.length >= FIXED_SEGMENTS && segments.every((segment) => SEGMENT.test(segment));
  return valid ? (text as AccessPath) : undefined;
}

/** `**` several times in a row says no more than once, and is folded. */
export function parseAccessPattern(text: string): AccessPattern | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const segments = text.split("/");
  const valid =
    segments.length >= FIXED_SEGMENTS &&
    segments.every(
      (segment, i) => segment === "*" || (segment === ANY && i >= FIXED_SEGMENTS) || SEGMENT.test(segment),
    );
  if (!valid) return undefined;
  return segments
    .filter((segment, i) => segment !== ANY || segments[i - 1] !== ANY)
    .join("/") as AccessPattern;
}

/**
 * A pattern of three segments covers all that lies below it. A longer one narrows that to repositories: `*` is one
 * component of the name, `**` any number of them. `onStep` counts the matcher's steps.
 */
export function covers(pattern: AccessPattern, path: AccessPath, onStep?: () => void): boolean {
  const wanted = pattern.split("/");
  if (wanted.length === FIXED_SEGMENTS) wanted.push(ANY);
  return matchesGlob(wanted, path.split("/"), WILDCARDS, onStep);
}

/** Whether a pattern covers anything at or below an instance's path, be it a single repository. */
export function reaches(pattern: AccessPattern, instance: AccessPath): boolean {
  return covers(pattern.split("/").slice(0, FIXED_SEGMENTS).join("/") as AccessPattern, instance);
}

/** The segment that a user of the same name owns without a grant. */
export function namespaceOf(path: AccessPath): string {
  return path.split("/")[FIXED_SEGMENTS - 1] ?? "";
}
