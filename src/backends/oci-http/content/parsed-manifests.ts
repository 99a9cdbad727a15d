import { type Digest, digestAlgorithm, digestOf } from "../../../primitives/digest.ts";
import { type Manifest, parseStoredManifest } from "../../../registry/model/manifest.ts";

interface ParsedManifest {
  readonly digest: Digest;
  readonly manifest: Manifest;
}

/** By the bytes that were parsed, for as long as this thread holds them. Nothing writes to them. */
const parsed = new WeakMap<Uint8Array, ParsedManifest>();

/** Remembers what a push has parsed, so that these bytes are hashed and parsed once on their way into commit and index. */
export function rememberParsed(content: Uint8Array, digest: Digest, manifest: Manifest): void {
  parsed.set(content, { digest, manifest });
}

/** The manifest in bytes that were committed under a digest; `undefined` if it is none: stock git can commit any file. */
export function manifestUnder(digest: Digest, content: Uint8Array): Manifest | undefined {
  const known = parsed.get(content);
  if (known?.digest === digest) return known.manifest;
  return digestOf(content, digestAlgorithm(digest)) === digest ? parseStoredManifest(content) : undefined;
}
