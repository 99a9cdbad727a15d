import { RegistryError } from "../errors.ts";
import type { Exchange, Result } from "../exchange.ts";
import { linkToNext, parsePageRequest } from "../paging.ts";
import type { RepositoryName } from "../repository-name.ts";

/** GET /v2/<name>/tags/list?n=&last= (distribution-spec, "Listing Tags"). */
export async function listTags(
  { query, path, storage }: Exchange,
  { repository }: { readonly repository: RepositoryName },
): Promise<Result> {
  const wanted = parsePageRequest(query);
  if (wanted instanceof RegistryError) return wanted;
  const page = await storage.tags(repository, wanted);
  if (!page) return new RegistryError("nameUnknown", { details: [{ name: repository }] });
  const last = page.more ? page.entries.at(-1) : undefined;
  const headers = new Headers();
  if (last) headers.set("Link", linkToNext(path, { n: String(wanted.limit), last }));
  return Response.json({ name: repository, tags: page.entries }, { headers });
}
