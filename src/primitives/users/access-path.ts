import { matchesGlob } from "../text/glob.ts";

/** One resource: `http/oci/default`, or a repository in it, `http/oci/default/team/app`. No wildcards. */
export type AccessPath = string & { readonly __brand: "AccessPath" };

/** The pattern of a grant: an access path whose segments may be `*` and, after the third, `**`. */
export type AccessPattern = string & { readonly __brand: "AccessPattern" };

/** The segments of every path: frontend, backend, namespace. */
const FIXED_SEGMENTS = 3;
const SEGMENT = /^[a-z0-9]+([._-]+[a-z0-9]+)*$/;
const MAX_LENGTH = 512;
const ANY = "**";
const WILDCARDS = { any: ANY, one: "*" };

/** Covers every path; its owners are the system administrators. */
export const EVERYTHING = "*/*/*" as AccessPattern;

export function parseAccessPath(text: string): AccessPath | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const segments = text.split("/");
  const valid = segments.length >= FIXED_SEGMENTS && segments.every((segment) => SEGMENT.test(segment));
  return valid ? (text as AccessPath) : undefined;
}

/** Consecutive `**` segments are folded into one. */
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
 * Whether a pattern covers a path. A pattern of three segments covers all paths below it. A longer one selects
 * repositories: `*` is one component of the name, `**` any number. `onStep` is called at each step of the matcher.
 */
export function covers(pattern: AccessPattern, path: AccessPath, onStep?: () => void): boolean {
  const wanted = pattern.split("/");
  if (wanted.length === FIXED_SEGMENTS) wanted.push(ANY);
  return matchesGlob(wanted, path.split("/"), WILDCARDS, onStep);
}

/** Whether a pattern covers an instance's path or any repository in it. */
export function reaches(pattern: AccessPattern, instance: AccessPath): boolean {
  return covers(pattern.split("/").slice(0, FIXED_SEGMENTS).join("/") as AccessPattern, instance);
}

/** The namespace segment; a user of the same name owns the path without a grant. */
export function namespaceOf(path: AccessPath): string {
  return path.split("/")[FIXED_SEGMENTS - 1] ?? "";
}
