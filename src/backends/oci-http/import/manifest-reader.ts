import { ByteCache } from "../../../primitives/bounds/byte-cache.ts";
import type { Digest } from "../../../primitives/digest.ts";
import { isRecord } from "../../../primitives/text/records.ts";
import type { NamedContent } from "../../../registry/model/manifest.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import {
  type ImportSource,
  meaningfulTime,
  SourceFault,
  type SourceManifest,
} from "./sources/import-source.ts";

/** Of manifests that are kept in memory between the plan of an import and its execution. */
const MAX_CACHED_BYTES = 64 * 1024 * 1024;
/** The config of an image is small; a larger one is not read for its date. */
const MAX_CONFIG_BYTES = 1024 * 1024;
/** Indexes within indexes. */
const MAX_DEPTH = 4;
const CREATED = "org.opencontainers.image.created";

/** Reads manifests of a source, each usually once. */
export class ManifestReader {
  readonly #source: ImportSource;
  readonly #cache = new ByteCache<SourceManifest>(MAX_CACHED_BYTES);

  constructor(source: ImportSource) {
    this.#source = source;
  }

  async read(repository: RepositoryName, digest: Digest): Promise<SourceManifest | SourceFault> {
    const key = `${repository} ${digest}`;
    const cached = this.#cache.get(key);
    if (cached) return cached;
    const manifest = await this.#source.manifest(repository, digest);
    if (!(manifest instanceof SourceFault)) this.#cache.set(key, manifest, 2 * manifest.content.length);
    return manifest;
  }

  /** When an image says that it was built, in seconds since the epoch; of an index, its first image. */
  async built(repository: RepositoryName, digest: Digest, depth = 0): Promise<number | undefined> {
    const read = await this.read(repository, digest);
    if (read instanceof SourceFault) return undefined;
    const { manifest, named } = read;
    const stated = timeIn(manifest.annotations?.[CREATED]);
    if (stated !== undefined) return stated;
    const [child] = manifest.manifests;
    if (child && depth < MAX_DEPTH) return this.built(repository, child, depth + 1);
    const config = named.find(({ kind, mediaType }) => kind === "blob" && mediaType.endsWith("+json"));
    return config && this.#createdIn(repository, config);
  }

  async #createdIn(repository: RepositoryName, { digest, size }: NamedContent): Promise<number | undefined> {
    if (size > MAX_CONFIG_BYTES) return undefined;
    const body = await this.#source.blob(repository, digest, 0, size);
    if (body instanceof SourceFault) return undefined;
    try {
      const chunks: Uint8Array[] = [];
      for await (const chunk of body) chunks.push(chunk);
      const json: unknown = JSON.parse(Buffer.concat(chunks).toString("utf8"));
      return isRecord(json) ? timeIn(json["created"]) : undefined;
    } catch {
      // Whether the bytes are right is found out when they are copied.
      return undefined;
    }
  }
}

function timeIn(text: unknown): number | undefined {
  return typeof text === "string" ? meaningfulTime(new Date(text)) : undefined;
}
