import type { ListCursor } from "./registry-client.ts";
import type { Transport, UpstreamResponse } from "./transport.ts";

const MAX_CURSOR = 4096;

/**
 * The next page of a list (distribution-spec, "Listing Tags"); `path` is that of the first. Throws `UpstreamFault` for a Link
 * to another host or API, and for one to the same page. Scheme and port are ignored: registries behind proxies often state
 * wrong ones, and the request goes to upstream's own.
 */
export function nextPage(
  transport: Transport,
  response: UpstreamResponse,
  path: string,
  current: ListCursor | undefined,
): ListCursor | undefined {
  const link = /<([^>]*)>\s*;[^,]*\brel="?next"?/i.exec(response.header("link") ?? "")?.[1];
  if (link === undefined) return undefined;
  const url = link.length <= MAX_CURSOR ? URL.parse(link, response.url.href) : null;
  if (!url) throw transport.fault(response.url, "the Link to the next page of a list is no URL");
  if (url.hostname !== response.url.hostname)
    throw transport.fault(
      response.url,
      `the Link to the next page of a list leads to another host, ${url.host}`,
    );
  const at = url.pathname.indexOf(path);
  if (at < 0)
    throw transport.fault(response.url, "the Link to the next page of a list leads to another address");
  const next = `${url.pathname.slice(at)}${url.search}`;
  if (next === current)
    throw transport.fault(response.url, "the Link to the next page of a list leads to the same page");
  return next as ListCursor;
}
