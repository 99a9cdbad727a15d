import { type Digest, digestAlgorithm, digestHex, parseDigest } from "../../../primitives/digest.ts";
import type { Tag } from "../../../registry/model/tag.ts";

/** `sha256-<hex>`, and the same with a suffix such as `.sig`, `.att` or `.sbom`. */
const ATTACHED = /^(sha256|sha512)-([0-9a-f]{64,128})(\..+)?$/;
/** What the tag of the fallback for referrers keeps of a digest (distribution-spec, "Referrers Tag Schema"). */
const KEPT_HEX = 64;

/** The digest that a tag names as what it signs or describes, as far as the tag has room for it. */
export interface NamedSubject {
  isDigest(digest: Digest): boolean;
  /** Unless the tag holds only a part of it. */
  readonly whole: Digest | undefined;
}

/** For a tag of cosign's schema or of the fallback for referrers; `undefined` for the tag of an image. */
export function subjectInTag(tag: Tag): NamedSubject | undefined {
  const [, algorithm, hex = ""] = tag.match(ATTACHED) ?? [];
  if (algorithm === undefined) return undefined;
  const whole = parseDigest(`${algorithm}:${hex}`);
  if (!whole && hex.length !== KEPT_HEX) return undefined;
  return {
    whole,
    isDigest: (digest) =>
      digest === whole ||
      (digestAlgorithm(digest) === algorithm && digestHex(digest).slice(0, KEPT_HEX) === hex),
  };
}
