import { ByteCache } from "../../../primitives/bounds/byte-cache.ts";
import type { Digest } from "../../../primitives/digest.ts";
import { allOf } from "../../../primitives/jobs/all-of.ts";
import {
  type Manifest,
  ManifestFault,
  parsePushedManifest,
  parseStoredManifest,
} from "../../../registry/model/manifest.ts";
import type { BlobCopies } from "./blob-copies.ts";
import { chosenEntries } from "./chosen-platforms.ts";
import { CopyFault } from "./copy-fault.ts";
import type { PatientUpstream } from "./patient-upstream.ts";

/** Most manifests of one image, with all that is attached to it. */
const MAX_MANIFESTS = 500;
const MAX_DEPTH = 4;
const BLOBS_AT_ONCE = 3;
const MAX_COMPLETE_BYTES = 8 * 1024 * 1024;

export interface ImageManifest {
  readonly digest: Digest;
  readonly content: Uint8Array<ArrayBuffer>;
  readonly manifest: Manifest;
  readonly blobs: readonly { readonly digest: Digest; readonly size: number }[];
  readonly isStored: boolean;
}

/** Images whose content is known to be here, so that it is not looked for at each run. */
export class CompleteImages {
  readonly #known = new ByteCache<true>(MAX_COMPLETE_BYTES);

  has(key: string): boolean {
    return this.#known.get(key) ?? false;
  }

  add(key: string): void {
    this.#known.set(key, true);
  }
}

/** The manifests of an image and of what is attached to it, each with its blobs in the store before it counts. */
export class CollectedImage {
  readonly manifests = new Map<Digest, ImageManifest>();
  readonly #upstream: PatientUpstream;
  readonly #blobs: BlobCopies;

  constructor(upstream: PatientUpstream, blobs: BlobCopies) {
    this.#upstream = upstream;
    this.#blobs = blobs;
  }

  /**
   * Fetches a manifest with what it names, of an index the entries of these platforms; false if upstream does not have it.
   * Throws `CopyFault`.
   */
  async add(digest: Digest, platforms: readonly string[], depth = 0): Promise<boolean> {
    if (this.manifests.has(digest)) return true;
    if (this.manifests.size >= MAX_MANIFESTS || depth > MAX_DEPTH)
      throw new CopyFault(`it has more than ${MAX_MANIFESTS} manifests, or more than ${MAX_DEPTH} levels`);
    const found = await this.#manifest(digest);
    if (!found) return false;
    const children = chosenEntries(found.content, found.manifest.manifests, platforms);
    if (children.length === 0 && found.manifest.manifests.length > 0)
      throw new CopyFault(`it has none of the platforms ${platforms.join(", ")}`);
    let fetched = 0;
    for (const child of children) fetched += (await this.add(child, platforms, depth + 1)) ? 1 : 0;
    if (children.length > 0 && fetched === 0)
      throw new CopyFault(`upstream has none of the manifests of ${digest}`);
    await allOf(found.blobs, BLOBS_AT_ONCE, async (blob) => {
      await this.#blobs.bring(blob);
    });
    this.manifests.set(digest, found);
    return true;
  }

  async #manifest(digest: Digest): Promise<ImageManifest | undefined> {
    const { registry, repository, from } = this.#upstream.request;
    const stored = registry.oci.index.manifest(repository, digest);
    if (stored) {
      const pushed = parsePushedManifest(stored.content);
      const manifest =
        pushed instanceof ManifestFault ? parseStoredManifest(stored.content) : pushed.manifest;
      if (manifest) {
        const named = pushed instanceof ManifestFault ? [] : pushed.named;
        return { digest, content: stored.content, manifest, blobs: blobsIn(named), isStored: true };
      }
    }
    const found = await this.#upstream.ask((signal) =>
      from.upstream.getManifest(from.name, { kind: "digest", digest }, signal),
    );
    if (!found) return undefined;
    const { content, manifest, named } = found;
    return { digest, content, manifest, blobs: blobsIn(named), isStored: false };
  }
}

function blobsIn(named: readonly { kind: string; digest: Digest; size: number }[]): ImageManifest["blobs"] {
  const blobs = new Map(named.flatMap((each) => (each.kind === "blob" ? [[each.digest, each.size]] : [])));
  return [...blobs].map(([digest, size]) => ({ digest, size }));
}
