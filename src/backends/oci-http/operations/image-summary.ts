import { type Digest, parseDigest } from "../../../primitives/digest.ts";
import { isRecord } from "../../../primitives/text/records.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import { manifestClosure } from "../content/manifest-closure.ts";
import { blobSizes, list, MAX_DEPTH, manifestJson } from "../content/manifest-sizes.ts";
import type { StoreView } from "../store/store-view.ts";

/** Size and platforms of the image that a tag names. */
export interface ImageSummary {
  /** Bytes of the blobs that a pull of all platforms downloads, each once. */
  readonly size: number;
  /** For example `linux/amd64`. */
  readonly platforms: readonly string[];
}

/** Configs larger than this are not read for their platform. */
const MAX_CONFIG_BYTES = 1024 * 1024;

export async function summarize(
  view: StoreView,
  repository: RepositoryName,
  digest: Digest,
): Promise<ImageSummary> {
  const sizes = new Map<string, number>();
  const platforms = new Set<string>();
  const read = (child: Digest) => view.index.manifest(repository, child)?.content;
  for await (const { content, manifest } of manifestClosure(digest, { read, maxDepth: MAX_DEPTH })) {
    const json = manifestJson(content);
    const { config, manifests } = isRecord(json) ? json : {};
    for (const [blob, size] of blobSizes(json, manifest)) sizes.set(blob, size);
    if (isRecord(config)) addPlatform(platforms, await configOf(view, parseDigest(String(config["digest"]))));
    for (const child of list(manifests)) if (isRecord(child)) addPlatform(platforms, child["platform"]);
  }
  return { size: [...sizes.values()].reduce((sum, size) => sum + size, 0), platforms: [...platforms].sort() };
}

function addPlatform(platforms: Set<string>, value: unknown): void {
  if (!isRecord(value)) return;
  const { os, architecture, variant } = value;
  if (typeof os !== "string" || typeof architecture !== "string" || os === "" || os === "unknown") return;
  platforms.add([os, architecture, ...(typeof variant === "string" && variant ? [variant] : [])].join("/"));
}

async function configOf({ blobs }: StoreView, digest: Digest | undefined): Promise<unknown> {
  const stat = digest && (await blobs.stat(digest));
  if (!digest || !stat || stat.size > MAX_CONFIG_BYTES) return undefined;
  try {
    const content = await blobs.read(digest);
    return content && JSON.parse(new TextDecoder().decode(content));
  } catch {
    // An artifact's config may be anything.
    return undefined;
  }
}
