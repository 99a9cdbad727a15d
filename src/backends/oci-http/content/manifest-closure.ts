import type { Digest } from "../../../primitives/digest.ts";
import { type Manifest, parseStoredManifest } from "../../../registry/model/manifest.ts";

/** A manifest that the walk came to. */
export interface ClosureManifest {
  readonly digest: Digest;
  readonly content: Uint8Array;
  readonly manifest: Manifest;
}

export interface ClosureOptions {
  /** The bytes of a manifest of the repository; `undefined` if it holds none of this digest. */
  readonly read: (digest: Digest) => Promise<Uint8Array | undefined> | Uint8Array | undefined;
  /** What earlier walks came to is left out, and what this one comes to is added. */
  readonly seen?: Set<Digest>;
  /** How many manifests lie on the way from the top to the deepest, itself included. */
  readonly maxDepth?: number;
}

/**
 * The manifest of a tag, and the children of indexes below it: the nearest first, each once. What is not there, or is no
 * manifest, is left out. The blobs that each names are in its `manifest`.
 */
export async function* manifestClosure(
  top: Digest,
  { read, seen = new Set(), maxDepth = Number.POSITIVE_INFINITY }: ClosureOptions,
): AsyncGenerator<ClosureManifest> {
  for (let level = [top], depth = 1; level.length > 0 && depth <= maxDepth; depth++) {
    const below: Digest[] = [];
    for (const digest of level) {
      if (seen.has(digest)) continue;
      seen.add(digest);
      const content = await read(digest);
      const manifest = parseStoredManifest(content);
      if (!content || !manifest) continue;
      yield { digest, content, manifest };
      below.push(...manifest.manifests);
    }
    level = below;
  }
}
