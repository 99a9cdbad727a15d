import type { Digest } from "../../../primitives/digest.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { OciStore } from "../store/oci-store.ts";
import type { StoreView } from "../store/store-view.ts";
import { isOwnTag } from "./own-tag.ts";

/** Manifests and tags that are looked at for who has set them. */
const MAX_LOOKED_AT = 10;

/**
 * Whether a blob that the store may have, and the repository names, came to it: it was fetched or pushed there, or no other
 * repository has it. A manifest from an upstream may name any digest, also that of a blob in a private repository of the same store.
 */
export async function cameTo(
  { index, links }: Pick<StoreView, "index" | "links">,
  repository: RepositoryName,
  digest: Digest,
): Promise<boolean> {
  if (await links.has(repository, digest)) return true;
  const isElsewhere = (names: readonly string[]) => names.some((name) => name !== repository);
  return !isElsewhere(index.repositoriesWith(digest, 2)) && !isElsewhere(await links.scopesOf(digest, 2));
}

/** Whether an image that names the blob has a tag that a user of this registry has set: its blobs were checked then. */
export async function isOfOwnImage(
  oci: OciStore,
  repository: RepositoryName,
  digest: Digest,
): Promise<boolean> {
  const namers = oci.index.namersOf(repository, digest, MAX_LOOKED_AT);
  const indexes = namers.flatMap((namer) => oci.index.namersOf(repository, namer, MAX_LOOKED_AT));
  const tags = [...namers, ...indexes].flatMap((each) => oci.index.tagsOf(repository, each, MAX_LOOKED_AT));
  for (const tag of tags.slice(0, MAX_LOOKED_AT)) if (await isOwnTag(oci, repository, tag)) return true;
  return false;
}
