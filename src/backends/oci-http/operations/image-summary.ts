import { ByteCache } from "../../../primitives/bounds/byte-cache.ts";
import { type Digest, parseDigest } from "../../../primitives/digest.ts";
import { Pace } from "../../../primitives/jobs/pace.ts";
import type { BlobStore } from "../../../primitives/store/engine/blobs.ts";
import { isRecord } from "../../../primitives/text/records.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { StoredManifest } from "../../../registry/model/storage.ts";
import { manifestClosure } from "../content/manifest-closure.ts";
import { blobSizes, list, MAX_DEPTH, MAX_MANIFESTS, manifestJson } from "../content/manifest-sizes.ts";

/** Size and platforms of the image that a tag names. */
export interface ImageSummary {
  /** Bytes of the blobs that a pull of all platforms downloads, each once. */
  readonly size: number;
  /** For example `linux/amd64`. */
  readonly platforms: readonly string[];
}

/** A state of a store in which images are read. */
export interface ImageSource {
  readonly blobs: Pick<BlobStore, "stat" | "read">;
  manifest(
    repository: RepositoryName,
    digest: Digest,
  ): StoredManifest | undefined | Promise<StoredManifest | undefined>;
}

/** Configs larger than this are not read for their platform. */
const MAX_CONFIG_BYTES = 1024 * 1024;
/** A config may say anything; a longer text is no platform. */
const MAX_PLATFORM_LENGTH = 100;
const CACHE_BYTES = 1024 * 1024;

/** The platform that each config names, by the digest of the config; empty: none. */
const platformsOfConfigs = new ByteCache<string>(CACHE_BYTES);

export async function summarize(
  source: ImageSource,
  repository: RepositoryName,
  digest: Digest,
): Promise<ImageSummary> {
  const pace = new Pace(0.5);
  const sizes = new Map<string, number>();
  const listed = new Set<string>();
  const configured = new Set<string>();
  const read = async (child: Digest) => (await source.manifest(repository, child))?.content;
  let manifestsRead = 0;
  for await (const { content, manifest } of manifestClosure(digest, { read, maxDepth: MAX_DEPTH })) {
    const json = manifestJson(content);
    const { config, manifests } = isRecord(json) ? json : {};
    for (const [blob, size] of blobSizes(json, manifest)) sizes.set(blob, size);
    if (isRecord(config)) configured.add(await platformOf(source, parseDigest(String(config["digest"]))));
    for (const child of list(manifests)) if (isRecord(child)) listed.add(platformText(child["platform"]));
    if (++manifestsRead === MAX_MANIFESTS) break;
    await pace.rest();
  }
  return {
    size: [...sizes.values()].reduce((sum, size) => sum + size, 0),
    platforms: allPlatforms(listed, configured),
  };
}

/** Configs often leave out the variant that the index says; then they name no other platform. */
function allPlatforms(listed: ReadonlySet<string>, configured: ReadonlySet<string>): string[] {
  const others = [...configured].filter(
    (platform) => ![...listed].some((each) => each.startsWith(`${platform}/`)),
  );
  const platforms = new Set([...listed, ...others]);
  platforms.delete("");
  return [...platforms].sort();
}

/** Such as `linux/amd64`; empty for what is no platform. */
export function platformText(value: unknown): string {
  if (!isRecord(value)) return "";
  const { os, architecture, variant } = value;
  if (typeof os !== "string" || typeof architecture !== "string" || os === "" || os === "unknown") return "";
  const text = [os, architecture, ...(typeof variant === "string" && variant ? [variant] : [])].join("/");
  return text.length <= MAX_PLATFORM_LENGTH ? text : "";
}

async function platformOf({ blobs }: ImageSource, config: Digest | undefined): Promise<string> {
  if (!config) return "";
  const known = platformsOfConfigs.get(config);
  if (known !== undefined) return known;
  const stat = await blobs.stat(config);
  if (!stat || stat.size > MAX_CONFIG_BYTES) return "";
  const content = await blobs.read(config);
  if (!content) return "";
  const platform = platformText(parsed(content));
  platformsOfConfigs.set(config, platform, 2 * platform.length);
  return platform;
}

/** An artifact's config may be anything. */
function parsed(content: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(content));
  } catch {
    return undefined;
  }
}
