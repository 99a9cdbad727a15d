import type { Digest } from "../../../primitives/digest.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { StoreView } from "./store-view.ts";

/** A blob belongs to a repository if it was uploaded or mounted there, or if a manifest there names it. */
export async function isLinked(
  { index, links, reads }: Pick<StoreView, "index" | "links" | "reads">,
  repository: RepositoryName,
  digest: Digest,
): Promise<boolean> {
  const known = await reads.load("link", repository, digest, async () =>
    index.refersToBlob(repository, digest) || (await links.has(repository, digest))
      ? { value: true, bytes: 0 }
      : undefined,
  );
  return known ?? false;
}
