import { RegistryError } from "../requests/errors.ts";
import { longList } from "../requests/long-answer.ts";
import { linkToNext, parsePageRequest } from "../requests/paging.ts";
import type { RegistryRequest, Result } from "../requests/registry-request.ts";

/** GET /v2/_catalog?n=&last= (an extension that clients know from Docker): what the one who asks may read. */
export async function listRepositories(exchange: RegistryRequest): Promise<Result> {
  const { query, path, storage, access } = exchange;
  const wanted = parsePageRequest(query);
  if (wanted instanceof RegistryError) return wanted;
  const page = await storage.repositories(wanted, access);
  const last = page.more ? page.entries.at(-1) : undefined;
  const headers = last ? { Link: linkToNext(path, { n: String(wanted.limit), last }) } : {};
  return longList(exchange.sending, { repositories: page.entries }, headers);
}
