import type { Page } from "../model/page.ts";
import type { RepositoryName } from "../model/repository-name.ts";
import type { Tag } from "../model/tag.ts";
import { RegistryError } from "../requests/errors.ts";
import { longList } from "../requests/long-answer.ts";
import { linkToNext, parsePageRequest } from "../requests/paging.ts";
import type { RegistryRequest, Result } from "../requests/registry-request.ts";

/** GET /v2/<name>/tags/list?n=&last= (distribution-spec, "Listing Tags"). */
export async function listTags(
  exchange: RegistryRequest,
  { repository }: { readonly repository: RepositoryName },
): Promise<Result> {
  const { query, path, storage } = exchange;
  const wanted = parsePageRequest(query);
  if (wanted instanceof RegistryError) return wanted;
  const page = await storage.tags(repository, wanted);
  if (!page) return new RegistryError("nameUnknown", { details: [{ name: repository }] });
  const last = page.more ? page.entries.at(-1) : undefined;
  const headers = last ? { Link: linkToNext(path, { n: String(wanted.limit), last }) } : {};
  return longList(exchange.sending, encodePage(repository, page), headers);
}

const encodings = new WeakMap<Page<Tag>, Uint8Array<ArrayBuffer>>();

/** What the storage keeps to give it again is encoded once. */
function encodePage(repository: RepositoryName, page: Page<Tag>): Uint8Array<ArrayBuffer> {
  const known = encodings.get(page);
  if (known) return known;
  const encoding = Buffer.from(JSON.stringify({ name: repository, tags: page.entries }));
  encodings.set(page, encoding);
  return encoding;
}
