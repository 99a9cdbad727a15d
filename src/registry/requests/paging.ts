import type { PageRequest } from "../model/page.ts";
import { RegistryError } from "./errors.ts";

/** Maximal and default number of entries in a page. */
const MAX_PAGE = 10_000;
/** In characters. No entry is longer, so cutting `last` here changes no page. */
const MAX_LAST_LENGTH = 256;

/** Parses `n` and `last` (distribution-spec, "Listing Tags"). */
export function parsePageRequest(query: URLSearchParams): PageRequest | RegistryError {
  const limit = query.get("n") ?? String(MAX_PAGE);
  if (!/^\d+$/.test(limit)) return new RegistryError("pageSizeInvalid");
  return { last: parseLast(query), limit: Math.min(Number(limit), MAX_PAGE) };
}

/** Parses `last`, the last entry of the previous page. */
export function parseLast(query: URLSearchParams): string {
  return (query.get("last") ?? "").slice(0, MAX_LAST_LENGTH);
}

/** A Link header to the next page (RFC 8288). */
export function linkToNext(path: string, parameters: Readonly<Record<string, string>>): string {
  return `<${path}?${new URLSearchParams(parameters)}>; rel="next"`;
}
