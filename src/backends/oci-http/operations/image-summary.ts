import { type Digest, parseDigest } from "../../../primitives/digest.ts";
import { isRecord } from "../../../primitives/text/records.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { OciStore } from "../store/oci-store.ts";

/** What a tag stands for, in a line. */
export interface ImageSummary {
  /** Bytes of all blobs that a pull of every platform fetches, each once. */
  readonly size: number;
  /** Such as `linux/amd64`. */
  readonly platforms: readonly string[];
}

/** Configs larger than this are not read for their platform. */
const MAX_CONFIG_BYTES = 1024 * 1024;
/** Indexes within indexes are followed so far. */
const MAX_DEPTH = 4;

export function summarize(oci: OciStore, repository: RepositoryName, digest: Digest): ImageSummary {
  const sizes = new Map<string, number>();
  const platforms = new Set<string>();
  visit(oci, repository, digest, { sizes, platforms }, MAX_DEPTH);
  return { size: [...sizes.values()].reduce((sum, size) => sum + size, 0), platforms: [...platforms].sort() };
}

interface Found {
  readonly sizes: Map<string, number>;
  readonly platforms: Set<string>;
}

function visit(oci: OciStore, repository: RepositoryName, digest: Digest, found: Found, depth: number): void {
  const stored = oci.index.manifest(repository, digest);
  if (!stored || depth === 0) return;
  const content: unknown = JSON.parse(new TextDecoder().decode(stored.content));
  const { config, layers, manifests } = isRecord(content) ? content : {};
  for (const blob of [config, ...list(layers)]) {
    if (isRecord(blob) && typeof blob["size"] === "number")
      found.sizes.set(String(blob["digest"]), blob["size"]);
  }
  if (isRecord(config)) addPlatform(found, configOf(oci, parseDigest(String(config["digest"]))));
  for (const child of list(manifests)) {
    if (!isRecord(child)) continue;
    addPlatform(found, child["platform"]);
    const childDigest = parseDigest(String(child["digest"]));
    if (childDigest) visit(oci, repository, childDigest, found, depth - 1);
  }
}

function addPlatform({ platforms }: Found, value: unknown): void {
  if (!isRecord(value)) return;
  const { os, architecture, variant } = value;
  if (typeof os !== "string" || typeof architecture !== "string" || os === "" || os === "unknown") return;
  platforms.add([os, architecture, ...(typeof variant === "string" && variant ? [variant] : [])].join("/"));
}

function configOf(oci: OciStore, digest: Digest | undefined): unknown {
  const size = digest && oci.blobs.size(digest);
  if (!digest || size === undefined || size > MAX_CONFIG_BYTES) return undefined;
  try {
    const content = oci.blobs.read(digest);
    return content && JSON.parse(new TextDecoder().decode(content));
  } catch {
    // An artifact's config may be anything.
    return undefined;
  }
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
