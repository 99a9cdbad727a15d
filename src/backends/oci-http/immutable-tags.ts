import type { Tag } from "../../registry/tag.ts";

/** Which tags are write-once: `v*`, `*` for all, `!latest` to except one. */
export type TagPattern = string & { readonly __brand: "TagPattern" };

const PATTERN = /^!?[a-zA-Z0-9_*][a-zA-Z0-9._*-]{0,127}$/;

export function parseTagPattern(text: string): TagPattern | undefined {
  return PATTERN.test(text) ? (text as TagPattern) : undefined;
}

/** Whether some pattern covers a tag and none excepts it. */
export function isCovered(tag: string, patterns: readonly TagPattern[]): boolean {
  const excepted = (pattern: TagPattern) => pattern.startsWith("!");
  return (
    patterns.some((pattern) => !excepted(pattern) && covers(pattern, tag)) &&
    !patterns.some((pattern) => excepted(pattern) && covers(pattern.slice(1), tag))
  );
}

/** Whether a tag may be set only once. */
export const isImmutable: (tag: Tag, patterns: readonly TagPattern[]) => boolean = isCovered;

/** `*` stands for any number of characters. */
function covers(pattern: string, tag: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  const last = rest.pop();
  if (last === undefined) return tag === first;
  if (!tag.startsWith(first)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = tag.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return tag.length - last.length >= at && tag.endsWith(last);
}
