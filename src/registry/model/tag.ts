import { type Digest, parseDigest } from "../../primitives/digest.ts";

/** A tag, such as `v1.2` (distribution-spec, "Pulling manifests"). */
export type Tag = string & { readonly __brand: "Tag" };

/** The last path segment of a manifest URL: a tag or a digest. */
export type Reference =
  | { readonly kind: "tag"; readonly tag: Tag }
  | { readonly kind: "digest"; readonly digest: Digest };

const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;

export function parseTag(text: string): Tag | undefined {
  return TAG.test(text) ? (text as Tag) : undefined;
}

/** The reference as the URL spells it. */
export function nameOf(reference: Reference): string {
  return reference.kind === "tag" ? reference.tag : reference.digest;
}

/** A digest always contains a colon and a tag never does. */
export function parseReference(text: string): Reference | undefined {
  if (text.includes(":")) {
    const digest = parseDigest(text);
    return digest && { kind: "digest", digest };
  }
  const tag = parseTag(text);
  return tag && { kind: "tag", tag };
}
