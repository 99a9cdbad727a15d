import type { Digest } from "../../primitives/digest.ts";

/** Entity tags without their quotes; `*` stands for every one. */
export type EntityTags = ReadonlySet<string> | "*";

/** What a request requires of the content that it replaces or removes (RFC 9110, sections 13.1.1 and 13.1.2). */
export interface Precondition {
  /** One of these must be there. */
  readonly match?: EntityTags | undefined;
  /** None of these may be there. */
  readonly noneMatch?: EntityTags | undefined;
}

/** `current` is the digest of the present content, whose entity tag it is; `undefined` if there is none. */
export function holds({ match, noneMatch }: Precondition, current: Digest | undefined): boolean {
  return (match === undefined || isAmong(match, current)) && !(noneMatch && isAmong(noneMatch, current));
}

function isAmong(tags: EntityTags, current: Digest | undefined): boolean {
  return current !== undefined && (tags === "*" || tags.has(current));
}
