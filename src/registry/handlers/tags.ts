import type { Page } from "../model/page.ts";
import type { RepositoryName } from "../model/repository-name.ts";
import type { Tag } from "../model/tag.ts";
import { RegistryError } from "../requests/errors.ts";
import { largeListResponse } from "../requests/large-response.ts";
import { linkToNext, parsePageRequest } from "../requests/paging.ts";
import type { RegistryRequest, Result } from "../requests/registry-request.ts";

/** GET /v2/<name>/tags/list?n=&last= (distribution-spec, "Listing Tags"). */
export async function listTags(
  registryRequest: RegistryRequest,
  { repository }: { readonly repository: RepositoryName },
): Promise<Result> {
  const { query, path, storage } = registryRequest;
  const pageRequest = parsePageRequest(query);
  if (pageRequest instanceof RegistryError) return pageRequest;
  const page = await storage.tags(repository, pageRequest);
  if (!page) return new RegistryError("nameUnknown", { details: [{ name: repository }] });
  const last = page.more ? page.entries.at(-1) : undefined;
  const headers = last ? { Link: linkToNext(path, { n: String(pageRequest.limit), last }) } : {};
  return largeListResponse(registryRequest.responseBodies, encodePage(repository, page), headers);
}

/** The storage caches pages and returns the same object again, so each is encoded once. */
const encodings = new WeakMap<Page<Tag>, Uint8Array<ArrayBuffer>>();

function encodePage(repository: RepositoryName, page: Page<Tag>): Uint8Array<ArrayBuffer> {
  const known = encodings.get(page);
  if (known) return known;
  const encoding = Buffer.from(JSON.stringify({ name: repository, tags: page.entries }));
  encodings.set(page, encoding);
  return encoding;
}
