import { type Digest, parseDigest } from "../../../primitives/digest.ts";
import { matchesGlob } from "../../../primitives/text/glob.ts";
import {
  type AccessPath,
  type AccessPattern,
  covers,
  parseAccessPattern,
} from "../../../primitives/users/access-path.ts";
import type { NameRange } from "../../../registry/model/name-range.ts";
import { parseRepositoryName, type RepositoryName } from "../../../registry/model/repository-name.ts";
import { parseTag, type Tag } from "../../../registry/model/tag.ts";
import { namesUnder } from "../access/readable-names.ts";

/** What of the matching repositories is meant: the whole repository, its matching tags, or one manifest with its tags. */
export type SelectedPart =
  | { readonly kind: "repository" }
  | { readonly kind: "tags"; readonly patterns: readonly string[] }
  | { readonly kind: "manifest"; readonly digest: Digest };

/**
 * Content of a registry as a user writes it: `<repository>[:<tag>[,<tag>…]|@<digest>]`. In the repository `*` stands for one
 * component of the name and `**` for any number, in a tag `*` for any text.
 */
export interface Selection {
  /** As it was written. */
  readonly text: string;
  /** The repository, if the text names one without wildcards. */
  readonly repository: RepositoryName | undefined;
  readonly part: SelectedPart;
  readonly pattern: AccessPattern;
}

const PREFIX = "http/oci/registry/";
const TAG_PATTERN = /^[a-zA-Z0-9_*][a-zA-Z0-9._*-]{0,127}$/;
const TAG_WILDCARD = { any: "*" };
/** Most tags that one selection names; a pattern matches any number. */
export const MAX_SELECTED_TAGS = 1000;

/** Returns `undefined` if the text is invalid; a digest needs a repository without wildcards. */
export function parseSelection(text: string): Selection | undefined {
  const at = text.indexOf("@");
  const colon = text.indexOf(":");
  const end = at >= 0 ? at : colon >= 0 ? colon : text.length;
  const [name, rest] = [text.slice(0, end), text.slice(end + 1)];
  const repository = parseRepositoryName(name);
  const pattern = parseAccessPattern(PREFIX + name);
  if (!pattern || (!repository && !name.includes("*"))) return undefined;
  const part = end === text.length ? ({ kind: "repository" } as const) : partOf(rest, at >= 0);
  if (!part || (part.kind === "manifest" && !repository)) return undefined;
  return { text, repository, part, pattern };
}

function partOf(text: string, isDigest: boolean): SelectedPart | undefined {
  if (!isDigest) {
    const patterns = text.split(",", MAX_SELECTED_TAGS + 1);
    const isValid =
      patterns.length <= MAX_SELECTED_TAGS && patterns.every((pattern) => TAG_PATTERN.test(pattern));
    return isValid ? { kind: "tags", patterns: [...new Set(patterns)] } : undefined;
  }
  const digest = parseDigest(text);
  return digest && { kind: "manifest", digest };
}

/** The range of names in which all selected repositories lie. */
export function selectedNames({ pattern }: Selection): NameRange {
  return namesUnder(pattern);
}

export function selectsRepository({ pattern }: Selection, repository: RepositoryName): boolean {
  return covers(pattern, (PREFIX + repository) as AccessPath);
}

/** Whether a pattern of tags, in which `*` is any text, matches a tag. */
export function matchesTag(pattern: string, tag: Tag): boolean {
  return matchesGlob(pattern, tag, TAG_WILDCARD);
}

/** The tags that patterns name, if none of them has a wildcard. */
export function namedTags(patterns: readonly string[]): readonly Tag[] | undefined {
  const tags = patterns.flatMap((pattern) => parseTag(pattern) ?? []);
  return tags.length === patterns.length ? tags : undefined;
}

/** Returns a test of whether one of the patterns matches a tag. */
export function tagMatcher(patterns: readonly string[]): (tag: Tag) => boolean {
  const names: ReadonlySet<string> = new Set(patterns);
  const globs = patterns.filter((pattern) => pattern.includes("*"));
  return (tag) => names.has(tag) || globs.some((glob) => matchesTag(glob, tag));
}
