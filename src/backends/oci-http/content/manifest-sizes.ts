import type { Digest } from "../../../primitives/digest.ts";
import { isRecord } from "../../../primitives/text/records.ts";
import { type Manifest, parseStoredManifest } from "../../../registry/model/manifest.ts";
import { manifestClosure } from "./manifest-closure.ts";

/** Most levels of nested indexes that are followed. */
export const MAX_DEPTH = 4;
/** Most manifests of one image that are read. */
export const MAX_MANIFESTS = 1000;

/** The bytes of each blob that a manifest names, as it states them, by digest; also of those that the registry need not hold. */
export function blobSizes(json: unknown, { blobs }: Pick<Manifest, "blobs">): Map<string, number> {
  const { config, layers, manifests } = isRecord(json) ? json : {};
  // An index may have blobs as its entries, as a cache of BuildKit does.
  const known = new Set<unknown>(blobs);
  const entries = list(manifests).filter((child) => isRecord(child) && known.has(child["digest"]));
  const sizes = new Map<string, number>();
  for (const blob of [config, ...list(layers), ...entries]) {
    if (isRecord(blob) && typeof blob["size"] === "number") sizes.set(String(blob["digest"]), blob["size"]);
  }
  return sizes;
}

/** See `blobSizes`; of a stored manifest. */
export function statedSizes(content: Uint8Array | undefined): ReadonlyMap<string, number> {
  const manifest = parseStoredManifest(content);
  return content && manifest ? blobSizes(manifestJson(content), manifest) : new Map();
}

export function manifestJson(content: Uint8Array): unknown {
  return JSON.parse(new TextDecoder().decode(content));
}

/** Bytes of the blobs that a pull of all platforms downloads, each once. `step` is awaited between manifests. */
export async function pullSize(
  top: Digest,
  read: (digest: Digest) => Uint8Array | undefined,
  step: () => Promise<void> | undefined,
): Promise<number> {
  const sizes = new Map<string, number>();
  let manifests = 0;
  for await (const { content, manifest } of manifestClosure(top, { read, maxDepth: MAX_DEPTH })) {
    for (const [digest, size] of blobSizes(manifestJson(content), manifest)) sizes.set(digest, size);
    if (++manifests === MAX_MANIFESTS) break;
    await step();
  }
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}

export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
