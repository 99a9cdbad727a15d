import { type Digest, digestAlgorithm, digestOf } from "../../../primitives/digest.ts";
import { type Manifest, parseStoredManifest } from "../../../registry/model/manifest.ts";

interface ParsedManifest {
  readonly digest: Digest;
  readonly manifest: Manifest;
}

/** Parsed manifests by their bytes, for as long as this thread holds those. The bytes are never modified. */
const parsed = new WeakMap<Uint8Array, ParsedManifest>();

/** Remembers the parsed manifest of a push, so that commit and index need not hash and parse its bytes again. */
export function rememberParsed(content: Uint8Array, digest: Digest, manifest: Manifest): void {
  parsed.set(content, { digest, manifest });
}

/** Parses bytes committed under a digest; `undefined` if they are not its manifest, as stock git can commit any file. */
export function manifestUnder(digest: Digest, content: Uint8Array): Manifest | undefined {
  const known = parsed.get(content);
  if (known?.digest === digest) return known.manifest;
  return digestOf(content, digestAlgorithm(digest)) === digest ? parseStoredManifest(content) : undefined;
}
