import { type Digest, digestAlgorithm, digestHex } from "../../../../primitives/digest.ts";
import { messageOf } from "../../../../primitives/expected-error.ts";
import { isRecord } from "../../../../primitives/text/records.ts";
import { type Descriptor, readDescriptor } from "../../../../registry/model/descriptor.ts";
import { InvalidManifest } from "../../../../registry/model/manifest-json.ts";
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

/** What an `index.json` lists. */
export interface LayoutIndex {
  /** In the order of the index. */
  readonly entries: readonly LayoutEntry[];
  /** Why something that it lists is no manifest, one line each. */
  readonly faults: readonly string[];
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

  async index(): Promise<LayoutIndex | SourceFault> {
    for (const pause of READ_AGAIN_AFTER_MS) {
      const index = await this.#index();
      if (!(index instanceof SourceFault)) return index;
      await Bun.sleep(pause);
    }
    return this.#index();
  }

  async #index(): Promise<LayoutIndex | SourceFault> {
    const bytes = await this.files.read("index.json", MAX_INDEX_BYTES);
    if (bytes === undefined) return new SourceFault("it has no index.json");
    if (bytes instanceof SourceFault) return bytes;
    const json = jsonIn(bytes);
    if (json instanceof SourceFault) return json;
    const manifests = isRecord(json) ? json["manifests"] : undefined;
    // Go's JSON encoder writes null for an empty list.
    if (manifests == null) return { entries: [], faults: [] };
    if (!Array.isArray(manifests)) return new SourceFault("its index.json has no list of manifests");
    const read = manifests.map((each, i) => this.#entryOf(`manifests[${i}]`, each));
    return {
      entries: read.filter((entry) => typeof entry !== "string"),
      faults: read.filter((entry) => typeof entry === "string"),
    };
  }

  /** An entry, or why it is none. */
  #entryOf(field: string, json: unknown): LayoutEntry | string {
    const descriptor = descriptorIn(field, json);
    if (typeof descriptor === "string") return descriptor;
    const { digest, mediaType } = descriptor;
    if (!manifestKind(mediaType)) return `${field} of its index.json is '${mediaType}', which is no manifest`;
    const annotations = isRecord(json) ? json["annotations"] : undefined;
    const named = (key: string) => {
      const value = isRecord(annotations) ? annotations[key] : undefined;
      return typeof value === "string" ? value : undefined;
    };
    const made = this.files.stat(pathOf(digest))?.made;
    return {
      digest,
      made: made === undefined ? undefined : meaningfulTime(new Date(made * 1000)),
      name: named(CONTAINERD_NAME) ?? named(REF_NAME),
    };
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

function jsonIn(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    return new SourceFault(`its index.json is invalid: ${messageOf(error)}`);
  }
}

function descriptorIn(field: string, json: unknown): Descriptor | string {
  try {
    return readDescriptor(field, json);
  } catch (error) {
    if (error instanceof InvalidManifest) return `its index.json is invalid: ${error.message}`;
    throw error;
  }
}

function pathOf(digest: Digest): string {
  return `blobs/${digestAlgorithm(digest)}/${digestHex(digest)}`;
}
