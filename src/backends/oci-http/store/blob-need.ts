import type { Digest } from "../../../primitives/digest.ts";
import type { OciIndexReader } from "../index/oci-index-reader.ts";

const MAX_NAMED = 5;

/** `; needed by alpine:demo, alpine@sha256:…`: tells the operator which images to push again. */
export function describeNeed(index: OciIndexReader, digest: Digest): string {
  const found = index.manifestsWith(digest, MAX_NAMED + 1);
  if (found.length === 0) return "; no manifest needs it";
  const names = found
    .slice(0, MAX_NAMED)
    .map(({ repository, tag, digest: manifest }) =>
      tag ? `${repository}:${tag}` : `${repository}@${manifest}`,
    );
  return `; needed by ${names.join(", ")}${found.length > MAX_NAMED ? " and others" : ""}`;
}
