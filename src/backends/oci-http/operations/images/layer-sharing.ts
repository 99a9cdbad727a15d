import type { Digest } from "../../../../primitives/digest.ts";
import { Pace } from "../../../../primitives/jobs/pace.ts";
import type { RepositoryName } from "../../../../registry/model/repository-name.ts";
import type { Tag } from "../../../../registry/model/tag.ts";
import type { OciIndexReader } from "../../index/oci-index-reader.ts";

/** Other tags of the repository whose image has a layer too. */
export interface SharedBy {
  readonly tags: readonly Tag[];
  /** Whether there are, or may be, more. */
  readonly more: boolean;
}

/** Most tags that are named for a layer. */
const MAX_TAGS = 5;
/** Most manifests with a layer, and indexes with a manifest, that are looked at. */
const MAX_MANIFESTS = 50;
const MAX_PARENTS = 5;
const MAX_OWN_TAGS = 100;
/** Most look-ups for one image. */
const MAX_LOOKUPS = 3000;

type Index = Pick<OciIndexReader, "namersOf" | "tagsOf">;

/** Finds which layers of an image other tags of the repository have too, directly or in an index. */
export async function layerSharing(
  index: Index,
  repository: RepositoryName,
  manifest: Digest,
  layers: Iterable<Digest>,
): Promise<ReadonlyMap<Digest, SharedBy>> {
  const pace = new Pace(0.5);
  const search = new TagSearch(index, repository, manifest);
  const found = new Map<Digest, SharedBy>();
  for (const layer of layers) {
    if (found.has(layer)) continue;
    await pace.rest();
    if (search.lookups > MAX_LOOKUPS) break;
    const shared = search.othersWith(layer);
    if (shared.tags.length > 0 || shared.more) found.set(layer, shared);
  }
  return found;
}

class TagSearch {
  lookups = 0;
  readonly #index: Index;
  readonly #repository: RepositoryName;
  readonly #manifest: Digest;
  readonly #own: ReadonlySet<Tag>;
  readonly #tagsOf = new Map<Digest, readonly Tag[]>();

  constructor(index: Index, repository: RepositoryName, manifest: Digest) {
    this.#index = index;
    this.#repository = repository;
    this.#manifest = manifest;
    const own = [manifest, ...index.namersOf(repository, manifest, MAX_PARENTS)];
    this.#own = new Set(own.flatMap((digest) => index.tagsOf(repository, digest, MAX_OWN_TAGS)));
  }

  othersWith(layer: Digest): SharedBy {
    const namers = this.#index.namersOf(this.#repository, layer, MAX_MANIFESTS);
    this.lookups++;
    const tags = new Set<Tag>();
    for (const namer of namers) {
      if (namer === this.#manifest) continue;
      for (const tag of this.#tags(namer)) tags.add(tag);
      if (tags.size > MAX_TAGS) break;
    }
    const isCut = tags.size > MAX_TAGS || namers.length === MAX_MANIFESTS;
    return { tags: [...tags].slice(0, MAX_TAGS), more: isCut };
  }

  /** The tags of a manifest, and of the indexes with it; without those of the image itself. */
  #tags(digest: Digest): readonly Tag[] {
    const known = this.#tagsOf.get(digest);
    if (known) return known;
    const limit = MAX_TAGS + 1;
    const parents = this.#index.namersOf(this.#repository, digest, MAX_PARENTS);
    this.lookups += 2 + parents.length;
    const tags = [digest, ...parents]
      .flatMap((each) => this.#index.tagsOf(this.#repository, each, limit))
      .filter((tag) => !this.#own.has(tag));
    this.#tagsOf.set(digest, tags);
    return tags;
  }
}
