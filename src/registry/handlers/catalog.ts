import { RegistryError } from "../requests/errors.ts";
import { largeListResponse } from "../requests/large-response.ts";
import { linkToNext, parsePageRequest } from "../requests/paging.ts";
import type { RegistryRequest, Result } from "../requests/registry-request.ts";

/** GET /v2/_catalog?n=&last= (a Docker extension of the distribution-spec): the repositories that the client may read. */
export async function listRepositories(registryRequest: RegistryRequest): Promise<Result> {
  const { query, path, storage, access } = registryRequest;
  const pageRequest = parsePageRequest(query);
  if (pageRequest instanceof RegistryError) return pageRequest;
  const page = await storage.repositories(pageRequest, access);
  const last = page.more ? page.entries.at(-1) : undefined;
  const headers = last ? { Link: linkToNext(path, { n: String(pageRequest.limit), last }) } : {};
  return largeListResponse(registryRequest.responseBodies, { repositories: page.entries }, headers);
}
