import { matchesGlob } from "../../../primitives/text/glob.ts";
import type { Tag } from "../../../registry/model/tag.ts";

/** A pattern of write-once tags: `v*`, `*` for all, `!latest` to except one. */
export type TagPattern = string & { readonly __brand: "TagPattern" };

const PATTERN = /^!?[a-zA-Z0-9_*][a-zA-Z0-9._*-]{0,127}$/;

export function parseTagPattern(text: string): TagPattern | undefined {
  return PATTERN.test(text) ? (text as TagPattern) : undefined;
}

/** `*` matches any number of characters. */
const WILDCARDS = { any: "*" };

/** Whether some pattern covers a tag and none excepts it. `onStep` counts the matcher's steps. */
export function isCovered(tag: string, patterns: readonly TagPattern[], onStep?: () => void): boolean {
  const isException = (pattern: TagPattern) => pattern.startsWith("!");
  const covers = (pattern: string) => matchesGlob(pattern, tag, WILDCARDS, onStep);
  return (
    patterns.some((pattern) => !isException(pattern) && covers(pattern)) &&
    !patterns.some((pattern) => isException(pattern) && covers(pattern.slice(1)))
  );
}

/** Whether a tag may be set only once. */
export const isImmutable: (tag: Tag, patterns: readonly TagPattern[]) => boolean = isCovered;
