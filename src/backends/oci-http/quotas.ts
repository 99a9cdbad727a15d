import { formatSize } from "../../primitives/byte-size.ts";
import type { Digest } from "../../primitives/digest.ts";
import { Pace } from "../../primitives/jobs/pace.ts";
import { LruCache } from "../../primitives/lru-cache.ts";
import { ManifestFault, parseManifest } from "../../registry/manifest.ts";
import type { RepositoryName } from "../../registry/repository-name.ts";
import type { BlobSizes } from "./blob-sizes.ts";
import type { OciStore } from "./oci-store.ts";

/** Bytes that may be stored, as layers and configs, each counted once; `undefined`: as many as there is room for. */
export interface Quotas {
  readonly registry?: number | undefined;
  readonly repository?: number | undefined;
}

/** Repositories whose use is remembered, by the number of their blobs. */
const MAX_REMEMBERED_BLOBS = 200_000;
/** After so long it is counted again: uploads that were admitted may have failed, and blobs been removed. */
const MAX_AGE_MS = 60_000;

type Counted = Pick<OciStore, "blobs" | "index" | "links" | "sizes">;

interface RepositoryUse {
  readonly counted: number;
  readonly blobs: Set<Digest>;
  bytes: number;
}

/** Counts what the repositories of a store use. A blob that is admitted counts from then on, so that of many at once no more come in. */
export class StoreUse {
  readonly #oci: Counted;
  readonly #repositories = new LruCache<RepositoryName, RepositoryUse>(MAX_REMEMBERED_BLOBS);
  readonly #counting = new Map<RepositoryName, Promise<RepositoryUse>>();
  #total: { readonly counted: BlobSizes; bytes: number } | undefined;

  constructor(oci: Counted) {
    this.#oci = oci;
  }

  /** Admits a blob of `size` bytes to a repository, or answers why not, in words for the client. */
  async admit(
    repository: RepositoryName,
    digest: Digest,
    size: number,
    quotas: Quotas,
  ): Promise<string | undefined> {
    const total = quotas.registry === undefined ? undefined : await this.#countAll();
    const isNew = total !== undefined && this.#oci.blobs.size(digest) === undefined;
    if (total && isNew && total.bytes + size > (quotas.registry ?? 0))
      return refusal("the registry", quotas.registry, total.bytes, size);
    const use = quotas.repository === undefined ? undefined : await this.#count(repository);
    const isNewHere = use && !use.blobs.has(digest);
    if (use && isNewHere && use.bytes + size > (quotas.repository ?? 0))
      return refusal(`the repository '${repository}'`, quotas.repository, use.bytes, size);
    if (total && isNew) total.bytes += size;
    if (use && isNewHere) {
      use.blobs.add(digest);
      use.bytes += size;
    }
    return undefined;
  }

  async #count(repository: RepositoryName): Promise<RepositoryUse> {
    const known = this.#repositories.get(repository);
    if (known && performance.now() - known.counted < MAX_AGE_MS) return known;
    const counting = this.#counting.get(repository) ?? this.#countRepository(repository);
    this.#counting.set(repository, counting);
    try {
      return await counting;
    } finally {
      this.#counting.delete(repository);
    }
  }

  async #countRepository(repository: RepositoryName): Promise<RepositoryUse> {
    const { index, links, blobs: store } = this.#oci;
    const pace = new Pace(1);
    const blobs = new Set(links.blobsOf(repository));
    for (const digest of index.manifestsOf(repository)) {
      await pace.rest();
      const stored = index.manifest(repository, digest);
      const manifest = stored && parseManifest(stored.content);
      if (!manifest || manifest instanceof ManifestFault) continue;
      for (const blob of manifest.blobs) blobs.add(blob);
    }
    let bytes = 0;
    for (const digest of blobs) bytes += store.size(digest) ?? 0;
    const use = { counted: performance.now(), blobs, bytes };
    this.#repositories.set(repository, use, blobs.size + 1);
    return use;
  }

  /** What came while the blobs were counted may be missing until the next count, some minutes later. */
  async #countAll(): Promise<{ readonly counted: BlobSizes; bytes: number }> {
    const counted = this.#oci.sizes.latest() ?? (await this.#oci.sizes.first());
    if (this.#total?.counted === counted) return this.#total;
    this.#total = { counted, bytes: counted.bytes };
    return this.#total;
  }
}

function refusal(what: string, quota: number | undefined, used: number, size: number): string {
  return `the quota of ${what} is ${formatSize(quota ?? 0)}, of which ${formatSize(used)} are used; this blob has ${formatSize(size)}`;
}
