import { RegistryError } from "../errors.ts";
import type { Exchange, Result } from "../exchange.ts";
import type { RepositoryName } from "../repository-name.ts";

/** Tags in one answer at the most, and when the client names no number. */
const MAX_PAGE = 10_000;

/** GET /v2/<name>/tags/list?n=&last= (distribution-spec, "Listing Tags"). */
export async function listTags(
  { query, storage }: Exchange,
  { repository }: { readonly repository: RepositoryName },
): Promise<Result> {
  const wanted = query.get("n") ?? String(MAX_PAGE);
  if (!/^\d+$/.test(wanted)) return new RegistryError("pageSizeInvalid");
  const limit = Math.min(Number(wanted), MAX_PAGE);
  const page = await storage.tags(repository, { last: query.get("last") ?? "", limit });
  if (!page) return new RegistryError("nameUnknown", { details: [{ name: repository }] });
  const next = page.more ? page.tags.at(-1) : undefined;
  const headers = next
    ? { Link: `</v2/${repository}/tags/list?n=${limit}&last=${next}>; rel="next"` }
    : undefined;
  return Response.json({ name: repository, tags: page.tags }, headers && { headers });
}
