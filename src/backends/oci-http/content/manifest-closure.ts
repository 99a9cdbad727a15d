import type { Digest } from "../../../primitives/digest.ts";
import { type Manifest, parseStoredManifest } from "../../../registry/model/manifest.ts";

/** A manifest that the walk reached. */
export interface ClosureManifest {
  readonly digest: Digest;
  readonly content: Uint8Array;
  readonly manifest: Manifest;
}

export interface ClosureOptions {
  /** Returns the bytes of a manifest of the repository; `undefined` if it does not exist. */
  readonly read: (digest: Digest) => Promise<Uint8Array | undefined> | Uint8Array | undefined;
  /** Digests that earlier walks reached are skipped; this walk adds its own. */
  readonly seen?: Set<Digest>;
  /** The most levels of manifests to walk, the top one included. */
  readonly maxDepth?: number;
}

/**
 * Yields the top manifest and the children of indexes below it, breadth first, each once. Skips digests that are missing
 * or not a manifest. The blobs that a manifest names are in its `manifest`.
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
