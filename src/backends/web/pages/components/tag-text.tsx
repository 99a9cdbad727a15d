/** The beginning of a tag of cosign's schema or a referrers fallback tag, and the digits that are left out. */
const ATTACHED = /^(sha(?:256|512)-[0-9a-f]{12})[0-9a-f]{52,}/;

/** Whether a tag is named after the image that it signs or describes. */
export function isAttachedTag(tag: string): boolean {
  return ATTACHED.test(tag);
}

/** A tag. One that is named after an image has only the first digits of its digest; the whole is shown when it is pointed at. */
export function TagText({ tag }: { readonly tag: string }) {
  return <span title={isAttachedTag(tag) ? tag : undefined}>{tag.replace(ATTACHED, "$1…")}</span>;
}
