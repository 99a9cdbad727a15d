import { type Digest, digestAlgorithm, digestHex } from "../../../../primitives/digest.ts";
import { messageOf } from "../../../../primitives/expected-error.ts";
import { isRecord } from "../../../../primitives/text/records.ts";
import { type Descriptor, readDescriptor } from "../../../../registry/model/descriptor.ts";
import { manifestKind } from "../../../../registry/model/media-types.ts";
import { meaningfulTime, SourceFault, type SourceManifest } from "./import-source.ts";
import type { LayoutFiles } from "./layout-files.ts";
import { parsedManifest } from "./parsed-manifest.ts";

/** `index.json` of a repository of zot with many tags. */
const MAX_INDEX_BYTES = 256 * 1024 * 1024;
const REF_NAME = "org.opencontainers.image.ref.name";
/** As containerd names an image in full, beside its tag in `REF_NAME`. */
const CONTAINERD_NAME = "io.containerd.image.name";
/** A server may be writing the file just now. */
const READ_AGAIN_AFTER_MS = [50, 200, 500];

/** A manifest that the layout's `index.json` lists. */
export interface LayoutEntry {
  readonly digest: Digest;
  readonly made: number | undefined;
  /** What the index calls it. */
  readonly name: string | undefined;
}

/** An OCI image layout (image-spec, image-layout.md). */
export class OciLayout {
  readonly files: LayoutFiles;

  constructor(files: LayoutFiles) {
    this.files = files;
  }

  get isThere(): boolean {
    return this.files.stat("index.json") !== undefined && this.files.stat("oci-layout") !== undefined;
  }

  /** In the order of the index. */
  async entries(): Promise<readonly LayoutEntry[] | SourceFault> {
    for (const pause of READ_AGAIN_AFTER_MS) {
      const entries = await this.#entries();
      if (!(entries instanceof SourceFault)) return entries;
      await Bun.sleep(pause);
    }
    return this.#entries();
  }

  async #entries(): Promise<readonly LayoutEntry[] | SourceFault> {
    const bytes = await this.files.read("index.json", MAX_INDEX_BYTES);
    if (bytes === undefined) return new SourceFault("it has no index.json");
    if (bytes instanceof SourceFault) return bytes;
    try {
      const json: unknown = JSON.parse(new TextDecoder().decode(bytes));
      const manifests = isRecord(json) ? json["manifests"] : undefined;
      // Go's JSON encoder writes null for an empty list.
      if (manifests == null) return [];
      if (!Array.isArray(manifests)) return new SourceFault("its index.json has no list of manifests");
      return manifests.flatMap((each, i) => this.#entryOf(each, readDescriptor(`manifests[${i}]`, each)));
    } catch (error) {
      return new SourceFault(`its index.json is invalid: ${messageOf(error)}`);
    }
  }

  #entryOf(json: unknown, { digest, mediaType }: Descriptor): LayoutEntry[] {
    if (!manifestKind(mediaType)) return [];
    const annotations = isRecord(json) ? json["annotations"] : undefined;
    const named = (key: string) => {
      const value = isRecord(annotations) ? annotations[key] : undefined;
      return typeof value === "string" ? value : undefined;
    };
    const made = this.files.stat(pathOf(digest))?.made;
    return [
      {
        digest,
        made: made === undefined ? undefined : meaningfulTime(new Date(made * 1000)),
        name: named(CONTAINERD_NAME) ?? named(REF_NAME),
      },
    ];
  }

  async manifest(digest: Digest): Promise<SourceManifest | SourceFault> {
    const bytes = await this.files.read(pathOf(digest));
    if (bytes instanceof SourceFault) return bytes;
    return bytes ? parsedManifest(bytes, digest) : new SourceFault(`its manifest ${digest} is missing there`);
  }

  /** In bytes; `undefined` if the blob is not there. */
  sizeOf(digest: Digest): number | undefined {
    return this.files.stat(pathOf(digest))?.size;
  }

  blob(digest: Digest, from: number, size: number): AsyncIterable<Uint8Array> {
    return this.files.stream(pathOf(digest), from, size);
  }
}

function pathOf(digest: Digest): string {
  return `blobs/${digestAlgorithm(digest)}/${digestHex(digest)}`;
}
