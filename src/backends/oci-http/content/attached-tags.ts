import { type Digest, digestAlgorithm, digestHex, parseDigest } from "../../../primitives/digest.ts";
import type { Tag } from "../../../registry/model/tag.ts";

/** `sha256-<hex>`, and the same with a suffix such as `.sig`, `.att` or `.sbom`. */
const ATTACHED = /^(sha256|sha512)-([0-9a-f]{64,128})(\..+)?$/;
/** Hex digits of a digest that a referrers fallback tag holds (distribution-spec, "Referrers Tag Schema"). */
const KEPT_HEX = 64;

/** The digest of the image that a tag signs or describes, as read from the tag's name. */
export interface NamedSubject {
  /** That of `attachmentKey` for the image. */
  readonly key: string;
  isDigest(digest: Digest): boolean;
  /** The whole digest; `undefined` if the tag holds only a part of it. */
  readonly whole: Digest | undefined;
}

/** Reads a tag of cosign's schema or a referrers fallback tag; returns `undefined` for the tag of an image. */
export function subjectInTag(tag: Tag): NamedSubject | undefined {
  const [, algorithm, hex = ""] = tag.match(ATTACHED) ?? [];
  if (algorithm === undefined) return undefined;
  const whole = parseDigest(`${algorithm}:${hex}`);
  if (!whole && hex.length !== KEPT_HEX) return undefined;
  return {
    key: `${algorithm}-${hex.slice(0, KEPT_HEX)}`,
    whole,
    isDigest: (digest) =>
      digest === whole ||
      (digestAlgorithm(digest) === algorithm && digestHex(digest).slice(0, KEPT_HEX) === hex),
  };
}

/** What the names of all tags begin with that are attached to an image. */
export function attachmentKey(digest: Digest): string {
  return `${digestAlgorithm(digest)}-${digestHex(digest).slice(0, KEPT_HEX)}`;
}
