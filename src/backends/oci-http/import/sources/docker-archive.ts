import { type Digest, digestOf, parseDigest } from "../../../../primitives/digest.ts";
import { isRecord } from "../../../../primitives/text/records.ts";
import { IMAGE_MANIFEST } from "../../../../registry/model/media-types.ts";
import type { RepositoryName } from "../../../../registry/model/repository-name.ts";
import { inGivenRepository, parseImageName } from "./image-names.ts";
import {
  type ImportSource,
  meaningfulTime,
  type SourceContent,
  SourceError,
  SourceFault,
  type SourceManifest,
  type SourceTag,
  type Untaken,
} from "./import-source.ts";
import type { LayoutFiles } from "./layout-files.ts";
import { parsedManifest } from "./parsed-manifest.ts";

const MAX_JSON_BYTES = 16 * 1024 * 1024;
const CONFIG_TYPE = "application/vnd.oci.image.config.v1+json";
const LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar";

interface ArchivedImage {
  readonly config: string;
  readonly layers: readonly string[];
  readonly names: readonly string[];
}

/**
 * The archive of `docker save` before Docker 25, and of `podman save`: `manifest.json` lists images by their configs and
 * uncompressed layers. It has no manifests; so one is made, of the bytes as they are: its digest is always the same.
 */
export class DockerArchive implements ImportSource {
  readonly kind = "a docker archive";
  readonly parallel = 4;
  readonly place: string;
  readonly #files: LayoutFiles;
  readonly #given: RepositoryName | undefined;
  readonly #paths = new Map<Digest, string>();
  readonly #manifests = new Map<Digest, Uint8Array>();
  #tags: ReadonlyMap<RepositoryName, readonly SourceTag[]> = new Map();

  /** `given`: see `openFileSource`. */
  constructor(place: string, files: LayoutFiles, given: RepositoryName | undefined) {
    this.place = place;
    this.#files = files;
    this.#given = given;
  }

  async repositories() {
    const untaken: Untaken[] = [];
    const tags = new Map<RepositoryName, SourceTag[]>();
    for (const image of await this.#images()) {
      const made = await this.#manifestOf(image);
      if (made instanceof SourceFault) {
        untaken.push({ what: image.names[0] ?? image.config, reason: made.reason });
        continue;
      }
      if (image.names.length === 0)
        untaken.push({ what: made.digest, reason: "it has no name; tag it before it is saved" });
      for (const name of image.names) {
        const { repository = this.#given, tag } = parseImageName(name) ?? {};
        if (!repository || !tag) untaken.push({ what: name, reason: "it is no valid name of an image" });
        else {
          const known = tags.get(repository) ?? [];
          known.push({ tag, ...made, earlier: [] });
          tags.set(repository, known);
        }
      }
    }
    this.#tags = inGivenRepository(tags, this.#given, this.place);
    return { names: [...this.#tags.keys()].sort(), untaken };
  }

  async content(repository: RepositoryName): Promise<SourceContent> {
    return { tags: this.#tags.get(repository) ?? [], untagged: [], untaken: [] };
  }

  async manifest(_repository: RepositoryName, digest: Digest): Promise<SourceManifest | SourceFault> {
    const bytes = this.#manifests.get(digest);
    return bytes ? parsedManifest(bytes, digest) : new SourceFault(`it has no manifest ${digest}`);
  }

  async blob(_repository: RepositoryName, digest: Digest, from: number, size: number) {
    const path = this.#paths.get(digest);
    if (path === undefined) return new SourceFault(`the blob ${digest} is missing there`);
    return this.#files.stream(path, from, size);
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  async #images(): Promise<ArchivedImage[]> {
    const json = await this.#json("manifest.json");
    const images = Array.isArray(json) ? json.map(readImage) : [];
    const whole = images.filter((image) => image !== undefined);
    if (whole.length === 0 || whole.length < images.length)
      throw new SourceError(`the manifest.json of ${this.place} lists no images as docker writes them`);
    return whole;
  }

  async #json(path: string): Promise<unknown> {
    const bytes = await this.#files.read(path, MAX_JSON_BYTES);
    if (!bytes || bytes instanceof SourceFault) return undefined;
    try {
      return JSON.parse(new TextDecoder().decode(bytes));
    } catch {
      return undefined;
    }
  }

  async #manifestOf({ config, layers }: ArchivedImage) {
    const bytes = await this.#files.read(config, MAX_JSON_BYTES);
    const json = await this.#json(config);
    const rootfs = isRecord(json) ? json["rootfs"] : undefined;
    const diffIds = isRecord(rootfs) ? rootfs["diff_ids"] : undefined;
    if (!bytes || bytes instanceof SourceFault || !isRecord(json))
      return new SourceFault(`its config ${config} is missing or invalid`);
    if (!Array.isArray(diffIds) || diffIds.length !== layers.length)
      return new SourceFault(`its config ${config} names other layers than the archive has`);
    const descriptors: { mediaType: string; digest: Digest; size: number }[] = [];
    for (const [i, path] of layers.entries()) {
      const digest = parseDigest(String(diffIds[i]));
      const size = this.#files.stat(path)?.size;
      if (!digest || size === undefined) return new SourceFault(`its layer ${path} is missing`);
      this.#paths.set(digest, path);
      descriptors.push({ mediaType: LAYER_TYPE, digest, size });
    }
    const configDigest = digestOf(bytes);
    this.#paths.set(configDigest, config);
    const manifest = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: IMAGE_MANIFEST,
        config: { mediaType: CONFIG_TYPE, digest: configDigest, size: bytes.length },
        layers: descriptors,
      }),
    );
    const digest = digestOf(manifest);
    this.#manifests.set(digest, manifest);
    const created = json["created"];
    const made = typeof created === "string" ? meaningfulTime(new Date(created)) : undefined;
    return { digest, made };
  }
}

function readImage(json: unknown): ArchivedImage | undefined {
  const { Config: config, Layers: layers, RepoTags: names } = Object(json) as Record<string, unknown>;
  const isTexts = (list: unknown): list is string[] =>
    Array.isArray(list) && list.every((each) => typeof each === "string");
  if (typeof config !== "string" || !isTexts(layers) || !(names == null || isTexts(names))) return undefined;
  return { config, layers, names: names ?? [] };
}
