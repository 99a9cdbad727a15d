import type { Digest } from "../../primitives/digest.ts";
import { IMAGE_INDEX } from "../model/media-types.ts";
import type { RepositoryName } from "../model/repository-name.ts";
import { largeListResponse } from "../requests/large-response.ts";
import { linkToNext, parseLast } from "../requests/paging.ts";
import type { RegistryRequest, Result } from "../requests/registry-request.ts";

/** Limits of one page, in descriptors and in bytes of JSON: clients refuse a larger index. */
const MAX_DESCRIPTORS = 1000;
const MAX_PAGE_BYTES = 3 * 1024 * 1024;

interface ReferrersRoute {
  readonly repository: RepositoryName;
  readonly subject: Digest;
}

/** GET /v2/<name>/referrers/<digest>?artifactType= (distribution-spec, "Listing Referrers"). */
export async function listReferrers(
  registryRequest: RegistryRequest,
  { repository, subject }: ReferrersRoute,
): Promise<Result> {
  const { query, path, storage } = registryRequest;
  const artifactType = query.get("artifactType") || undefined;
  const page = await storage.referrers(repository, subject, {
    artifactType,
    last: parseLast(query),
    limit: MAX_DESCRIPTORS,
    maxBytes: MAX_PAGE_BYTES,
  });
  const last = page.more ? page.entries.at(-1)?.digest : undefined;
  const headers = {
    "Content-Type": IMAGE_INDEX,
    ...(artifactType && { "OCI-Filters-Applied": "artifactType" }),
    ...(last && { Link: linkToNext(path, { ...(artifactType && { artifactType }), last }) }),
  };
  const index = { schemaVersion: 2, mediaType: IMAGE_INDEX, manifests: page.entries };
  return largeListResponse(registryRequest.responseBodies, index, headers);
}
